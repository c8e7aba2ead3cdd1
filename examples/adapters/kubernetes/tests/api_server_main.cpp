// SPDX-License-Identifier: Apache-2.0
// The API server of the tests as a program, for trying things out without a cluster. It keeps everything in memory.
#include "api_server.hpp"

#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

int main(int argc, char** argv) {
    sigset_t ending;
    sigemptyset(&ending);
    sigaddset(&ending, SIGINT);
    sigaddset(&ending, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &ending, nullptr);

    CLI::App app{"The part of Kubernetes' API that a scheduler needs, in memory, on 127.0.0.1"};
    kube_test::server_options options;
    options.recreate = true;
    options.port = 18001;
    std::vector<std::string> files;
    app.add_option("--port", options.port, "Port to listen on; 0: any")->capture_default_str();
    app.add_option("objects", files, "Files with a JSON array of nodes and pods")->check(CLI::ExistingFile);
    CLI11_PARSE(app, argc, argv);

    kube_test::api_server server{options};
    if (server.port() < 0) return std::fprintf(stderr, "cannot listen on port %d\n", options.port), 2;
    for (const std::string& file : files) {
        std::ifstream in{file};
        const kube_test::json objects = kube_test::json::parse(in, nullptr, false);
        if (!objects.is_array()) return std::fprintf(stderr, "%s: no JSON array\n", file.c_str()), 2;
        for (const kube_test::json& object : objects) server.create(object);
    }
    std::printf("an API server for tests listens at %s\n", server.url().c_str());
    std::fflush(stdout);
    int signal = 0;
    sigwait(&ending, &signal);
    return 0;
}
