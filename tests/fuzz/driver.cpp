// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: every corpus file as it is, then a fixed number of inputs, each a mutation of a
// corpus file or fresh bytes. Same seed, same inputs. An input is written to fuzz_<name>.last_input before it is tried,
// so that one that brings the program down can be run again: fuzz_<name> --runs 0 fuzz_<name>.last_input.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using bytes = std::vector<std::uint8_t>;

class generator {
public:
    explicit generator(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {  // splitmix64
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15U);
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>(next() % n); }
    std::uint8_t byte() { return static_cast<std::uint8_t>(next() & 0xffU); }

private:
    std::uint64_t state_;
};

// Pieces that parsers trip over.
constexpr std::string_view tokens[] = {
    "\"", ",",  "\n",   "\r\n", ";", "\xef\xbb\xbf", "-", "-1", "0", "1e309", "nan", "inf", "99999999999999999999",
    "|",  "\t", "\"\"",
};

void mutate(bytes& input, generator& random, std::size_t longest) {
    const std::size_t steps = 1 + random.below(8);
    for (std::size_t step = 0; step < steps; ++step) {
        const std::size_t at = random.below(input.size() + 1);
        const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
        switch (random.below(6)) {
            case 0:  // flip a bit
                if (at < input.size()) { input[at] = static_cast<std::uint8_t>(input[at] ^ (1U << random.below(8))); }
                break;
            case 1:  // overwrite a byte
                if (at < input.size()) { input[at] = random.byte(); }
                break;
            case 2:  // insert a byte
                input.insert(place, random.byte());
                break;
            case 3: {  // remove a stretch
                const std::size_t count = std::min(random.below(16), input.size() - at);
                input.erase(place, place + static_cast<std::ptrdiff_t>(count));
                break;
            }
            case 4: {  // repeat a stretch
                const std::size_t count = std::min(random.below(64), input.size() - at);
                const bytes piece(place, place + static_cast<std::ptrdiff_t>(count));
                input.insert(place, piece.begin(), piece.end());
                break;
            }
            default: {  // insert a token
                const std::string_view token = tokens[random.below(std::size(tokens))];
                input.insert(place, token.begin(), token.end());
                break;
            }
        }
    }
    if (input.size() > longest) { input.resize(longest); }
}

void attempt(const bytes& input, const std::filesystem::path& record) {
    {
        std::ofstream file(record, std::ios::binary | std::ios::trunc);
        file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    }
    const auto copy = bytes(input.begin(), input.end());  // of the exact size: reading one byte too far is seen
    (void)LLVMFuzzerTestOneInput(copy.data(), copy.size());
}

bytes read(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t runs = 1000;
    std::size_t longest = 4096;
    std::uint64_t seed = 1;
    std::vector<std::filesystem::path> files;
    for (int i = 1; i < argc; ++i) {
        const std::string_view argument = argv[i];
        const bool has_value = i + 1 < argc;
        if (argument == "--runs" && has_value) {
            runs = std::strtoull(argv[++i], nullptr, 10);
        } else if (argument == "--seed" && has_value) {
            seed = std::strtoull(argv[++i], nullptr, 10);
        } else if (argument == "--max-len" && has_value) {
            longest = std::strtoull(argv[++i], nullptr, 10);
        } else if (std::filesystem::is_directory(argument)) {
            for (const auto& entry : std::filesystem::directory_iterator(argument)) { files.push_back(entry.path()); }
        } else if (std::filesystem::is_regular_file(argument)) {
            files.emplace_back(argument);
        } else {
            std::fprintf(stderr, "usage: %s [--runs N] [--seed N] [--max-len N] [file or directory]...\n", argv[0]);
            return 2;
        }
    }
    std::sort(files.begin(), files.end());

    const std::string record = std::filesystem::path(argv[0]).filename().string() + ".last_input";
    std::vector<bytes> corpus;
    for (const auto& file : files) {
        corpus.push_back(read(file));
        attempt(corpus.back(), record);
    }
    generator random(seed);
    for (std::size_t run = 0; run < runs; ++run) {
        bytes input;
        if (!corpus.empty() && random.below(8) != 0) {
            input = corpus[random.below(corpus.size())];
            mutate(input, random, longest);
        } else {
            input.resize(random.below(std::min<std::size_t>(longest, 512) + 1));
            for (std::uint8_t& byte : input) { byte = random.byte(); }
        }
        attempt(input, record);
    }
    std::printf("%zu corpus files, %zu generated inputs, no failure\n", corpus.size(), runs);
    return 0;
}
