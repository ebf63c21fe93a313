import ArgumentParser
import AuditFormat
import AuditOutput
import CommandOutput
import Containers
import Diagnostics
import HostProbe
import ImageStorage
import LinuxKernel
import NativeContainerizer
import ProbeFormat

struct ProbeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probe", abstract: "Try every known way out of a container, inside one made for it.",
        discussion: """
            A hostile program runs in a container of its own under exactly the walls that 'run' gives by default, or \
            those of a container of yours, and says of each of some 700 attempts what stopped it. It harms nothing \
            even where a wall is missing. A second, deliberately weak container runs it too: it must fail the test, \
            or the test proves nothing.

            Examples:
              bulkhead audit probe
              bulkhead audit probe my-image --in-exec
              bulkhead audit probe --like web --format sarif --output probe.sarif
            """)

    @Option(help: .init("Under the walls of this container (usual: the default ones).", valueName: "container"))
    var like: String?
    @Flag(help: "The probe joins the container as 'exec' does, instead of being what it starts.")
    var inExec = false
    @Flag(inversion: .prefixedNo, help: "Run the deliberately weak container too.")
    var control = true
    @OptionGroup(title: "Report") var report: ReportOptions
    @OptionGroup(title: "Places") var places: PlaceOptions
    @Argument(help: "An image whose root the probe runs in (usual: one that holds nothing else).")
    var image: String?

    func run() throws {
        let runtime = try places.containerizer()
        let store = try places.imageStore()
        let canary = ProbeCanary(
            containerizer: runtime, store: store,
            image: try image.map { text throws(Failure) in try store.resolve(text) },
            program: try InstalledProgram.probe.found())
        let request = try request(runtime)
        let subject = Subject(.probe, id: request.name, name: shownName, maker: "bulkhead", image: image)
        let result = try canary.result(of: request, byExec: inExec)
        var findings = result.findings(subject)
        var subjects = [subject]
        var summary = "\(result.count("blocked")) of \(result.verdicts.count) attempts were blocked"
        if control {
            let weak = Subject(.probe, id: "control", name: "a deliberately weak container", maker: "bulkhead")
            let opened = try canary.result(of: Self.weak(), byExec: inExec)
            subjects.append(weak)
            findings.append(opened.controlFinding(weak))
            summary += "; the deliberately weak container opened \(opened.open.count)"
        }
        Console.note("bulkhead: \(summary)")
        try report.conclude(try report.report(subjects, findings))
    }

    private var shownName: String {
        (like.map { "the walls of \($0)" } ?? "the default walls") + (inExec ? ", by exec" : "")
    }

    /// The walls only: what another container sees of the host's files is its user's decision, not a wall.
    private func request(_ runtime: NativeContainerizer) throws(Failure) -> ContainerRequest {
        var request = Self.base("probe")
        guard let like else { return request }
        let model = try runtime.find(like).request
        request.isolation = model.isolation
        request.isolation.identities = IdentityRange(base: 0, count: 0)
        // The same bridge with the same reach; published ports and addresses are taken.
        if case .bridge(var bridge) = model.isolation.network {
            (bridge.ports, bridge.addresses, bridge.lease) = ([], [], nil)
            request.isolation.network = .bridge(bridge)
        }
        request.limits = model.limits
        request.temporaryFilesystems = model.temporaryFilesystems
        (request.process.uid, request.process.gid) = (model.process.uid, model.process.gid)
        request.process.groups = model.process.groups
        return request
    }

    private static func base(_ purpose: String) -> ContainerRequest {
        let id = ContainerID(number: KernelRandom.number())
        var request = ContainerRequest(
            id: id, name: "\(purpose)-\(id.text.prefix(12))",
            image: ImageIdentity(reference: "bulkhead-probe", digest: ""),
            process: ProcessRequest(arguments: ["/bulkhead-probe"], environment: ["PATH=/bin"]))
        request.isolation.capabilities = CapabilitySet.rootDefault.rawValue
        return request
    }

    /// Every capability, but over its own namespaces only; nothing filtered, nothing masked, new privileges allowed.
    private static func weak() -> ContainerRequest {
        var request = base("control")
        request.isolation.capabilities = CapabilitySet.all.rawValue
        request.isolation.seccomp = .unconfined
        request.isolation.noNewPrivileges = false
        request.isolation.appArmor = .unconfined
        // Ours is reached by nobody inside, whatever he holds.
        request.isolation.hasInit = false
        request.isolation.maskedPaths = []
        request.isolation.readOnlyPaths = []
        return request
    }
}
