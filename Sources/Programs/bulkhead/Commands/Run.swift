import ArgumentParser
import CommandOutput
import Containers
import Diagnostics
import LaunchPlanning
import LinuxKernel
import NativeContainerizer

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a command in a new container.",
        discussion: """
            What follows IMAGE is the task's command and its arguments, whatever they begin with. The exit status is \
            the task's; 125 when Bulkhead itself failed, 126 and 127 when the command cannot be executed or found.

            Examples:
              bulkhead run --rm busybox echo hello
              bulkhead run --rm -it --memory 64m --cpus 0.5 busybox
              bulkhead run -d --name web -v ./site:/srv:ro --read-only --tmpfs /tmp my-server
              bulkhead run -d --name shop --network bridge -p 127.0.0.1:8080:80 my-server
              bulkhead run --explain busybox true
            """)

    @OptionGroup(title: "Process") var process: ProcessOptions
    @OptionGroup(title: "Limits") var resources: ResourceOptions
    @OptionGroup(title: "Files") var storage: StorageOptions
    @OptionGroup(title: "Network") var wires: NetworkOptions
    @OptionGroup(title: "Isolation") var walls: IsolationOptions

    @Option(parsing: .unconditional, help: "Name of the container (usual: one is made up).")
    var name: String?
    @Option(parsing: .unconditional, help: "Program to run instead of the image's entrypoint; '' for none.")
    var entrypoint: String?
    @Option(parsing: .unconditional, help: "Signal that asks the task to stop (usual: the image's, else TERM).")
    var stopSignal: String?
    @Option(
        name: [.customShort("l"), .long], parsing: .unconditionalSingleValue,
        help: .init("A label.", valueName: "name=value"))
    var label: [String] = []
    @Flag(help: "Remove the container when it has ended.")
    var rm = false
    @Flag(name: .shortAndLong, help: "Leave it running and print its id.")
    var detach = false
    @Flag(help: "Show what would be done, step by step, and do nothing.")
    var explain = false
    @OptionGroup(title: "Trust") var policy: PolicyFlag
    @OptionGroup(title: "Everywhere") var global: GlobalOptions

    @Argument(help: "The image's name or id.")
    var image: String
    @Argument(parsing: .captureForPassthrough, help: .init("The command and its arguments.", valueName: "command"))
    var command: [String] = []

    func run() throws {
        let words = try TaskWords(image, command, of: "run")
        let limits = try resources.limits(changing: ContainerLimits(), on: .current())
        let containerizer = try global.containerizer(sweeping: true, launching: !explain)
        let store = try global.imageStore(policy: policy.source)
        let stored = try store.resolve(words.subject)
        let trust = ImageTrust(try store.admit(stored), of: stored)
        let request = try request(words.command, limits: limits, image: stored, trust, containerizer)
        if explain { return try show(containerizer.plan(request, layers: stored.layers, hasReader: !detach)) }

        let launch = LeasedLaunch(
            containerizer: containerizer, store: store, global: global, request: request, image: stored)
        if detach {
            try launch.detached()
            return try global.show(StartedDocument(id: request.id.text, name: request.name)) { request.id.text + "\n" }
        }
        try conclude(try launch.foreground())
    }

    private func show(_ plan: LaunchPlan) throws(Failure) {
        try global.show(plan.explanation) { plan.explain() }
    }

    /// The task's end becomes ours; an end that is not the task's own doing is said.
    private func conclude(_ end: ForegroundRun.End) throws {
        let exit = end.exit
        if exit.reason == .memoryLimit { Console.note("bulkhead: the task was \(exit.message)") }
        if exit.reason == .unknown { Console.note("bulkhead: \(exit.message)") }
        if exit.code != 0 { throw TaskStatus(code: exit.code) }
        if !end.isShown { throw TaskStatus(code: ErrorReport.ownStatus) }
    }
}

/// What `run -d` answers.
struct StartedDocument: Encodable {
    var id: String
    var name: String
}
