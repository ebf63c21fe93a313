// Measures the allocator on the workloads Mesos's own benchmarks use, one line of JSON for each:
//
//     allocation-benchmark [--agents 1000,5000] [--frameworks 1,50] [--workload decline,quota]
//
// `decline`: agents are two thirds in use, every offer is refused for ever. `quota`: the same with a guarantee and a
// limit on every role, all limits reached. `labels`: the same as `decline` with labelled reservations on every agent.
// Build it with -c release; it only computes, so it needs nothing of the machine but time.
import Foundation

func numbers(_ flag: String, _ usual: [Int]) -> [Int] {
    guard let position = CommandLine.arguments.firstIndex(of: flag),
        CommandLine.arguments.indices.contains(position + 1)
    else { return usual }
    return CommandLine.arguments[position + 1].split(separator: ",").compactMap { Int($0) }
}

func words(_ flag: String, _ usual: [String]) -> [String] {
    guard let position = CommandLine.arguments.firstIndex(of: flag),
        CommandLine.arguments.indices.contains(position + 1)
    else { return usual }
    return CommandLine.arguments[position + 1].split(separator: ",").map(String.init)
}

for workload in words("--workload", ["decline", "quota", "labels"]) {
    for agents in numbers("--agents", [1_000, 5_000, 10_000, 50_000]) {
        for frameworks in numbers("--frameworks", [1, 50, 200, 1_000]) {
            guard let kind = Workload.Kind(rawValue: workload) else {
                print("there is no workload '\(workload)'")
                exit(2)
            }
            var run = try Workload(kind, agents: agents, frameworks: frameworks)
            print(try run.measured())
        }
    }
}
