import ArgumentParser
import ClusterModel
import CommandOutput
import Diagnostics
import LinuxKernel

struct TaskRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run an image as a task on an agent that has room for it.",
        discussion: """
            What follows IMAGE is the task's command and its arguments, whatever they begin with. Waits for an offer \
            of the master that fits, and says what is lacking while none does. In the foreground the task's output is \
            shown as it comes, signals go to the task, and the exit status is the task's; 125 when Bulkhead refused or \
            failed. Of several instances it is that of the first, by number, that did not end well.

            Examples:
              bulkhead task run busybox echo hello
              bulkhead task run -it busybox sh
              bulkhead task run --cpus 2 --memory 1g --constraint rack=r12 my-image make
              bulkhead task run --instances 3 my-image sh -c 'work on part "$BULKHEAD_INSTANCE"'
              bulkhead task run --gpus 1 --shm-size 1g my-training
              bulkhead task run --cpuset 0-1 --io-write-bps 10m --ulimit nofile=4096 my-batch
              bulkhead task run -d -p 80 my-server          # 'task ls' says at which port
              bulkhead task run -d -p 31080:80 --name web my-server
              bulkhead task run -d --name web --health-http 8080/healthy my-server
            """)

    @Flag(name: .shortAndLong, help: "Leave it running and print its id.")
    var detach = false
    @Flag(name: .shortAndLong, help: "Send it what we are given on standard input, once it runs.")
    var interactive = false
    @Flag(name: .shortAndLong, help: "Give it a terminal, of the size of ours.")
    var tty = false
    @Option(help: .init("Keys that leave its terminal and let it run on; '' for none.", valueName: "keys"))
    var detachKeys = DetachKeys.usual
    @Option(
        help: .init(
            "So many of it; each line of output begins with the number, which is in BULKHEAD_INSTANCE too.",
            valueName: "count"))
    var instances = 1
    @Flag(help: "Taken because Docker's users write it: a task's container is always removed.")
    var rm = false
    @Option(help: .init("Its name; the image's unless given.", valueName: "name"))
    var name: String?
    @OptionGroup(title: "Task") var options: TaskOptions
    @OptionGroup(title: "Walls") var walls: TaskWallOptions
    @OptionGroup(title: "Care") var care: TaskCareOptions
    @OptionGroup(title: "Placement") var placement: PlacementOptions
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The image, by a name the agents' image stores have.")
    var image: String
    @Argument(parsing: .captureForPassthrough, help: "Command in place of the image's own.")
    var command: [String] = []

    /// More would be a framework's business.
    static let instancesMax = 1_000

    func run() async throws {
        let words = try words()
        let manner = try manner()
        var maker = TaskRequestMaker(
            options: options, walls: walls, care: care, placement: placement, ours: { ProcessEnvironment.value($0) })
        maker.isInteractive = interactive
        maker.terminal = tty ? Terminal(size: SessionStreams.size()) : nil
        let requests = try maker.requests(
            instances, image: words.subject, command: words.command, name: name,
            suffix: String(String(KernelRandom.number(), radix: 36).prefix(8)))
        let client = try global.client()
        let signals = try SignalStream.forwarding()
        let status = try await TaskSession(client, requests, manner).run(signals)
        if status != 0 { throw TaskStatus(code: status) }
    }

    /// The image and the task's command, as those of `bulkhead run`.
    func words() throws(Failure) -> TaskWords { try TaskWords(image, command, of: "task run") }

    private func manner() throws(Failure) -> TaskManner {
        guard (1...Self.instancesMax).contains(instances) else {
            throw .flag(
                "instances", "\(instances)", cause: "it is not 1 to \(Self.instancesMax)",
                remedy: "write a framework for more")
        }
        if let flag = interactive ? "interactive" : tty ? "tty" : nil, instances > 1 || detach {
            throw .flag(
                flag, "true", cause: detach ? "nobody is here to type" : "several tasks cannot share what is typed",
                remedy: "leave it out, then use 'bulkhead task exec -it' or 'bulkhead task attach'")
        }
        return TaskManner(
            isDetached: detach, isInteractive: interactive, hasTerminal: tty,
            detachKeys: tty ? try DetachKeys.parse(detachKeys) : DetachKeys([]))
    }
}

/// Ends the program with the status of a task.
struct TaskStatus: Error {
    var code: Int32
}
