-- SPDX-License-Identifier: Apache-2.0
-- Slurm's submission hook for berth-slurm. Lies beside slurm.conf, which says JobSubmitPlugins=lua.
-- A job that asks for GPUs is held, and its wish goes to the administrator's comment, because an update of a request is
-- merged with what the job has asked for. berth-slurm reads the wish, decides node and GPUs, pins and releases.

local function refuse(text)
   slurm.log_user("berth: " .. text)
   return slurm.ERROR
end
local function given(text)
   return text ~= nil and text ~= ''
end
-- 1 unless it is set: what is not set is nil or one of Slurm's large numbers.
local function count(number)
   if number == nil or number <= 0 or number >= 0xfffffff0 then return 1 end
   return number
end

function slurm_job_submit(job, part, uid)
   if uid == 0 and given(job.admin_comment) and string.find(job.admin_comment, '^berth%-hold:') then
      return slurm.SUCCESS -- room that berth keeps for a job that moves
   end
   local ask = job.tres_per_node
   if not given(ask) and given(job.tres_per_job) then
      if count(job.min_nodes) > 1 then
         return refuse("for several nodes say how many GPUs each gives: --gpus-per-node instead of --gpus")
      end
      ask = job.tres_per_job
   end
   if given(job.tres_per_task) or given(job.tres_per_socket) then
      return refuse("say how many GPUs each node gives: --gpus-per-node or --gres")
   end
   if not given(ask) or not (string.find(ask, 'gpu') or string.find(ask, 'shard')) then
      return slurm.SUCCESS -- Slurm's own
   end
   if given(job.array_inx) then
      return refuse("arrays of jobs with GPUs are not supported: submit the jobs one by one")
   end
   job.admin_comment = 'berth:' .. ask
   job.tres_per_node = ''
   job.tres_per_job = ''
   job.priority = 0
   return slurm.SUCCESS
end

function slurm_job_modify(job, rec, part, uid)
   return slurm.SUCCESS
end

return slurm.SUCCESS
