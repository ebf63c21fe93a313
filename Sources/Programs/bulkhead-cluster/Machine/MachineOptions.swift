import AgentCore
import ArgumentParser
import CommandOutput
import Diagnostics
import LinuxKernel

/// Where an agent keeps its things and what it lets tasks have.
struct MachineOptions: ParsableArguments {
    @Option(help: "Directory of images and containers' files, shared with 'bulkhead image' (BULKHEAD_STORE).")
    var store: String = ProcessEnvironment.value("BULKHEAD_STORE") ?? "/var/lib/bulkhead"
    @Option(help: "Directory of running containers' state (BULKHEAD_STATE).")
    var state: String = ProcessEnvironment.value("BULKHEAD_STATE") ?? "/run/bulkhead"
    @Option(help: "Directory of sandboxes, volumes and records.")
    var workDir: String?
    @Option(
        help: .init(
            "What makes containers, best first: native, oci:PROGRAM, docker or docker:SOCKET.", valueName: "list"))
    var containerizers = "native"
    @Option(
        help: .init(
            "For how many containers to come namespaces and user ids are made ahead, 0 to 64; a launch need not wait "
                + "for them.", valueName: "count"))
    var namespacePool = 4
    @Option(
        help: .init("What the agent offers, as 'cpus:4;mem:8192'; what is not named is measured.", valueName: "text"))
    var resources = ""
    @Option(help: .init("What the agent says of itself, as 'rack:r12;level:10'.", valueName: "text"))
    var attributes = ""
    @Option(help: "Role that resources without a role of their own are reserved for.")
    var defaultRole = "*"
    @Option(help: "A task limit this host cannot hold: 'refuse' the task, or 'allow' it and say so.")
    var unenforced: UnenforcedPolicy?
    @Option(
        help: .init("Tasks without an image: 'host-tools' (read-only), 'refuse' or 'image:NAME'.", valueName: "rule"))
    var tasksWithoutImage = "host-tools"
    @Option(
        help: .init(
            "Directory of the host that tasks may have as a volume, ':rw' to write. Repeatable.", valueName: "path"))
    var hostPath: [String] = []
    @Option(
        help: .init(
            "Directory of what tasks may refer to as secrets: NAME or NAME/KEY, root's, 0600.", valueName: "path"))
    var secretsDir: String?
    @Flag(help: "Tasks may use the host's network.")
    var allowHostNetwork = false
    @Option(
        help: .init("A capability beyond the default ones that tasks may ask for. Repeatable.", valueName: "name"))
    var allowCapability: [String] = []
    @Flag(help: "Tasks may be privileged.")
    var allowPrivileged = false
    @Flag(help: "Tasks may run without a seccomp filter.")
    var allowUnconfined = false
    @Option(
        help: .init(
            "A seccomp profile that tasks may choose by that name: Docker's or the OCI's JSON. Repeatable.",
            valueName: "name=file"))
    var seccompProfile: [String] = []
    @Option(
        help: .init("An AppArmor profile, loaded here, that tasks may choose. Repeatable.", valueName: "name"))
    var apparmorProfile: [String] = []
    @OptionGroup var deviceOptions: DeviceOptions
    @Flag(help: "Tasks may write no more than their disk resource, sandbox included (needs project quotas).")
    var limitDisk = false
    @Option(help: .init("Disk that each of a task's two log files may take.", valueName: "bytes"))
    var logSize = "256m"
    @Option(
        help: .init(
            "Directory below which file: addresses may be fetched. Repeatable; none: no file.", valueName: "path"))
    var fetchRoot: [String] = []

    var secretsPath: String? { secretsDir.map(absolute) }
    var storePath: String { absolute(store) }
    var statePath: String { absolute(state) }
    var workPath: String { workPath(else: "/var/lib/bulkhead/agent") }
    func workPath(else fallback: String) -> String { absolute(workDir ?? fallback) }

    private func absolute(_ path: String) -> String { HostPath.absolute(path, in: CurrentProcess.directory()) }

    var withoutImage: LaunchPolicy.WithoutImage {
        get throws(Failure) {
            switch tasksWithoutImage {
            case "host-tools": return .hostTools
            case "refuse": return .refuse
            case let text where text.begins(with: "image:") && text.utf8.count > 6:
                return .image(String(text.dropFirst(6)))
            case let text:
                throw .flag(
                    "tasks-without-image", text, cause: "there is no such rule",
                    remedy: "write host-tools, refuse or image:NAME")
            }
        }
    }

    private static let profileBytesMax = 4 << 20

    /// Read now: what tasks choose does not change while the agent runs.
    func seccompProfiles() throws(Failure) -> [LaunchPolicy.SeccompProfile] {
        var profiles: [LaunchPolicy.SeccompProfile] = []
        for text in seccompProfile {
            let parts = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty, !parts[0].has("/"), !parts[1].isEmpty else {
                throw .flag(
                    "seccomp-profile", text, cause: "it is not NAME=FILE",
                    remedy: "write for example web=/etc/web.json")
            }
            let json: String
            do throws(KernelError) {
                json = try TextFile.read(parts[1], limit: Self.profileBytesMax)
            } catch {
                throw .flag("seccomp-profile", text, cause: error.description, remedy: "give a file that can be read")
            }
            profiles.append(LaunchPolicy.SeccompProfile(name: parts[0], json: json))
        }
        return profiles
    }

    var hostPaths: [LaunchPolicy.HostPath] {
        hostPath.map { text in
            text.ends(with: ":rw")
                ? LaunchPolicy.HostPath(String(text.dropLast(3)), isWritable: true)
                : LaunchPolicy.HostPath(text.ends(with: ":ro") ? String(text.dropLast(3)) : text)
        }
    }
}

/// What happens to a task with a limit that the host cannot hold.
enum UnenforcedPolicy: String, ExpressibleByArgument, CaseIterable {
    case refuse, allow
}
