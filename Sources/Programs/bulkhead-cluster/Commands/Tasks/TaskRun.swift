import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

struct TaskRun: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run an image as a task on an agent that has room for it.",
        discussion: """
            Waits for an offer of the master that fits, and says what is lacking while none does. In the foreground \
            the task's output is shown as it comes, signals go to the task, and the exit status is the task's; 125 \
            when Bulkhead refused or failed.

            Examples:
              bulkhead task run busybox echo hello
              bulkhead task run --cpus 2 --memory 1g --constraint rack=r12 my-image make
              bulkhead task run -d --name web --health-http 8080/healthy my-server
            """)

    @Flag(name: .shortAndLong, help: "Leave it running and print its id.")
    var detach = false
    @Flag(name: .shortAndLong, help: "Send it what we are given on standard input, once it runs.")
    var interactive = false
    @Flag(name: .shortAndLong, help: "Give it a terminal.")
    var tty = false
    @Flag(help: "Taken because Docker's users write it: a task's container is always removed.")
    var rm = false
    @Option(help: .init("Its name; the image's unless given.", valueName: "name"))
    var name: String?
    @OptionGroup(title: "Task") var options: TaskOptions
    @OptionGroup(title: "Care") var care: TaskCareOptions
    @OptionGroup(title: "Placement") var placement: PlacementOptions
    @OptionGroup(title: "Everywhere") var global: ClientOptions
    @Argument(help: "The image, by a name the agents' image stores have.")
    var image: String
    @Argument(parsing: .captureForPassthrough, help: "Command in place of the image's own.")
    var command: [String] = []

    func run() async throws {
        if interactive || tty {
            throw Failure.flag(
                interactive ? "interactive" : "tty", "true", cause: "a task of the cluster is not typed into here",
                remedy: "run it with --detach, then 'bulkhead task exec -it' or 'bulkhead task attach'")
        }
        var words = command
        if words.first == "--" { words.removeFirst() }
        let request = try TaskRequestMaker(
            options: options, care: care, placement: placement, ours: { ProcessEnvironment.value($0) }
        ).request(
            image: image, command: words, name: name,
            suffix: String(String(KernelRandom.number(), radix: 36).prefix(8)))
        let client = try global.client()
        let signals = try SignalStream.forwarding()
        let status = try await TaskSession(client, request, isDetached: detach).run(signals)
        if status != 0 { throw TaskStatus(code: status) }
    }
}

/// Ends the program with the status of a task.
struct TaskStatus: Error {
    var code: Int32
}

extension SignalStream {
    static func forwarding() throws(Failure) -> SignalStream {
        let queue: SignalQueue
        do throws(KernelError) { queue = try SignalQueue(forwarded) } catch {
            throw error.failure("console.no-signals", doing: "take signals for the task")
        }
        return try SignalStream(queue)
    }
}
