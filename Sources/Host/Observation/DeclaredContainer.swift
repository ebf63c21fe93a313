import AuditFormat
import AuditTrail
import Auditing
import Containers
public import Diagnostics
import HostProbe
import LaunchPlanning
import LinuxKernel
public import NativeContainerizer

/// A container of ours as something to look at: what its record declares, and the filters its plan would install.
public enum DeclaredContainer {
    /// `status` must be of a running container; `others` are the records of all.
    public static func target(
        _ status: ContainerStatus, among others: [ContainerRecord], of runtime: NativeContainerizer,
        in table: ProcessTable, launcher: String?
    ) throws(Failure) -> ObservationTarget {
        let record = status.record
        let request = record.request
        guard let monitor = status.process else {
            throw Failure(
                "container.not-running", doing: "audit container", on: request.name, cause: "it is not running",
                remedy: "start it, or audit its image", field: "container")
        }
        // Without an init the task is the monitor's child, and the first of its own process namespace.
        let task = table.rows.first { $0.parent == monitor && $0.innerID == 1 }?.id
        let process = request.isolation.hasInit ? monitor : task ?? monitor
        let subject = Subject(
            .container, id: request.id.text, name: request.name, maker: "bulkhead", image: request.image.reference,
            process: process)
        var target = ObservationTarget(subject: subject, process: process)
        target.ownProcesses = [monitor]
        target.launcher = launcher
        target.log = AuditLog(directory: runtime.places.auditLog)
        var declared = facts(request, host: runtime.host)
        declared.sharesWith = shares(request, others)
        if runtime.host.groups.mountPoint != nil {
            target.controlGroup = "/bulkhead/\(request.id.text)"
            declared.controlGroupPath = target.controlGroup
        }
        target.declared = declared
        if declared.emulated != nil { target.emulators = emulators(of: request, runtime) }
        let plan = try runtime.plan(request, layers: record.layers, hasReader: false)
        for step in plan.steps {
            switch step.step {
            case .newKeyring: target.hasOwnKeyring = true
            case .installFilter(_, let program), .listeningFilter(_, let program):
                target.plannedFilter = program.bytes
            default: break
            }
            if case .divide(let division) = step.step { target.plannedInitFilter = division.initFilter.bytes }
        }
        for case .rootTree(let tree) in plan.descriptors.values {
            if case .overlay(_, let upper, _) = tree.assembly { target.writableLayer = upper }
        }
        return target
    }

    private static func facts(_ request: ContainerRequest, host: HostAbilities) -> DeclaredFacts {
        let isolation = request.isolation
        let range = isolation.identities
        var declared = DeclaredFacts()
        declared.network = isolation.network.reportName
        declared.ports = isolation.network.ports.map(\.port)
        declared.capabilities = isolation.capabilities
        declared.noNewPrivileges = isolation.noNewPrivileges
        declared.seccomp = isolation.seccomp.reportName
        declared.maskedPaths = isolation.maskedPaths
        declared.readOnlyPaths = isolation.readOnlyPaths
        declared.isReadOnlyRoot = isolation.readOnlyRoot
        declared.volumes = Dictionary(request.volumes.map { ($0.target, $0.source) }) { first, _ in first }
        let own = request.volumes.filter { $0.countsAsOwn == true }.map(\.target)
        if !own.isEmpty { declared.ownVolumes = own.sorted() }
        declared.devices = isolation.devices.map { "\($0.kind) \($0.major):\($0.minor) \(ordered($0.access))" }
        declared.controlGroup = settings(request.limits, host)
        declared.userMap = [MappedRange(inside: 0, outside: range.base, count: range.count)]
        declared.oomScore = Int(isolation.oomScore)
        declared.resourceLimits = isolation.resourceLimits.map(\.name)
        declared.imageDigest = request.image.digest
        if let calls = isolation.emulated, !calls.isEmpty { declared.emulated = calls.map(\.rawValue) }
        declared.isImagePinned = request.image.trust?.isPinned
        declared.imageTrust = request.image.trust.map { trust in
            ImageTrustFacts(
                isSigned: trust.isSigned,
                detail: trust.isSigned
                    ? "signed by \(trust.keys.joined(separator: ", ")) as \(trust.identity ?? "")"
                    : "the policy asks for nothing (\(trust.scope))",
                policy: "\(trust.policyName) (\(trust.policy))")
        }
        return declared
    }

    private static func emulators(
        of request: ContainerRequest, _ runtime: NativeContainerizer
    ) -> Observed<[Int32]> {
        do throws(Failure) { return .seen([try runtime.emulator(of: request.id)].compactMap { $0 }) } catch {
            return .hidden(error.description)
        }
    }

    private static func ordered(_ access: String) -> String { String("rwm".filter(access.contains)) }

    /// What the kernel shows for limits that this host can hold.
    private static func settings(_ limits: ContainerLimits, _ host: HostAbilities) -> [String: String] {
        var settings: [String: String] = [:]
        func has(_ feature: Feature) -> Bool { host.ability(feature).state == .enforced }
        if has(.pids), let pids = limits.pids { settings["pids.max"] = "\(pids)" }
        if has(.memory), let bytes = limits.memory {
            settings["memory.max"] = pages(bytes)
            settings["memory.oom.group"] = "1"
        }
        if has(.swap), limits.memory != nil || limits.swap != nil {
            settings["memory.swap.max"] = pages(limits.swap ?? 0)
        }
        if has(.cpu), let cpus = limits.cpus {
            settings["cpu.max"] = "\(max(1_000, Int((cpus * 100_000).rounded()))) 100000"
        }
        if has(.cpu), let weight = limits.cpuWeight { settings["cpu.weight"] = "\(weight)" }
        if has(.cpuset), let processors = limits.cpuset { settings["cpuset.cpus"] = processors }
        return settings
    }

    /// The kernel counts whole pages, and shows what does not fit into its counter as `max`.
    private static func pages(_ bytes: UInt64) -> String { bytes >= 1 << 62 ? "max" : "\(bytes / 4_096 * 4_096)" }

    /// Containers it asked to share with, and those that asked to share with it.
    private static func shares(_ request: ContainerRequest, _ others: [ContainerRecord]) -> [String] {
        func joined(_ request: ContainerRequest) -> String? {
            guard case .container(let id) = request.isolation.network else { return nil }
            return id.text
        }
        let holder = joined(request) ?? request.id.text
        return others.map(\.request).filter { joined($0) == holder || $0.id.text == holder }.map(\.id.text)
            .filter { $0 != request.id.text }
    }
}
