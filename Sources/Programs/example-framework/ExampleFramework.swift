import ArgumentParser
import SchedulerKit

/// Runs a command a number of times on a cluster, and exits when all have finished: a whole framework in one file.
@main
struct ExampleFramework: AsyncParsableCommand {
    @Option(help: "A master of the cluster.") var master = "http://127.0.0.1:5050"
    @Option(help: "A Docker image; without one, tasks run as the agent's policy says.") var image: String?
    @Option(help: "How many tasks to run.") var count = 3
    @Option(help: "Processors of each task.") var cpus = 0.1
    @Option(help: "MiB of memory of each task.") var memory = 32.0
    @Argument(help: "What to run.") var command = "echo hello from $(hostname)"

    func run() async throws {
        let cluster = try ClusterClient(ClientSettings(masters: [ServerAddress(parsing: master)]))
        try await run(on: Scheduler(FrameworkSettings(name: "example"), master: cluster))
    }

    func run(on scheduler: Scheduler) async throws {
        var waiting = count
        var running: Set<TaskID> = []
        for try await event in scheduler.events {
            switch event {
            case .offers(let offers):
                for offer in offers {
                    var use = OfferUse(offer)
                    while waiting > 0,
                        let task = use.add(
                            try .unique("example"), ResourceWish(cpus: cpus, memory: memory),
                            command: CommandSpec(.shell(command)), image: image)
                    {
                        running.insert(task.id)
                        waiting -= 1
                    }
                    try await scheduler.accept(use)
                }
                if waiting == 0 { try await scheduler.suppress() }
            case .update(let update) where update.state.isTerminal && running.remove(update.task) != nil:
                print("\(update.task) \(update.state.rawValue) \(update.message ?? "")")
                guard update.state == .finished else {
                    try await scheduler.tearDown()
                    throw ExitCode.failure
                }
                if running.isEmpty && waiting == 0 { return try await scheduler.tearDown() }
            default: break
            }
        }
    }
}
