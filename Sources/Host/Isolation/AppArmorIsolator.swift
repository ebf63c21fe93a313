import Containers
public import Diagnostics
import HostProbe
public import LaunchPlanning
import LinuxKernel

/// An AppArmor profile, apparmor.d(5): what masks and mounts forbid, forbidden once more by the kernel's own list of
/// paths, whatever becomes of the mounts.
public struct AppArmorIsolator: Isolator {
    public let name = "apparmor"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        var contribution = PlanContribution(isolator: name)
        if let profile = try Self.profile(context)?.name {
            contribution.add(.setLabel(file: "attr/apparmor/exec", value: "exec \(profile)"), at: .resources)
        }
        return contribution
    }

    public func establish(_ context: LaunchContext) throws(Failure) {
        guard let profile = try Self.profile(context), !(try AppArmorPolicy.has(profile.name)) else { return }
        guard let text = profile.text else {
            throw Failure(
                "apparmor.no-profile", doing: "run the task under the AppArmor profile", on: profile.name,
                cause: "the kernel has none of that name", remedy: "load it with apparmor_parser --replace FILE",
                field: "security-opt")
        }
        try AppArmorPolicy.load(text, as: profile.name)
    }

    /// Nil: none. Where nobody asked for AppArmor, a host without it runs the task without; `bulkhead host` says so.
    private static func profile(_ context: LaunchContext) throws(Failure) -> (name: String, text: String?)? {
        let isolation = context.request.isolation
        switch isolation.appArmor {
        case .unconfined: return nil
        case .named(let name):
            guard try context.demand(.apparmor, for: "the AppArmor profile \(name)", flag: "security-opt") else {
                return nil
            }
            return (name, nil)
        case .standard, nil:
            guard context.host.ability(.apparmor).state == .enforced else { return nil }
            let profile = try AppArmorProfile(masked: isolation.maskedPaths, readOnly: isolation.readOnlyPaths)
            return (profile.name, profile.text)
        }
    }
}

/// A profile as text. Its name tells its content, so one that is loaded already is the same.
public struct AppArmorProfile: Equatable, Sendable {
    public let name: String
    public let text: String

    public init(masked: [String], readOnly: [String]) throws(Failure) {
        var lines: [String] = []
        for path in masked.sorted() { lines += try Self.rules(path, "rwklmx") }
        for path in readOnly.sorted() { lines += try Self.rules(path, "wkl") }
        let rules = lines.joined(separator: "\n")
        // FNV-1a, 64 bits.
        let hash = rules.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        name = "bulkhead-" + String(hash, radix: 16)
        text = """
            profile \(name) flags=(attach_disconnected,mediate_deleted) {
              file,
              capability,
              network,
              signal (receive) peer=unconfined,
              signal (send, receive) peer=\(name),
              ptrace (trace, read, tracedby, readby) peer=\(name),
              deny mount,
              deny umount,
              deny pivot_root,
            \(rules)
            }

            """
    }

    private static func rules(_ path: String, _ rights: String) throws(Failure) -> [String] {
        let isPlain = path.begins(with: "/")
            && path.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "/._-".contains($0)) }
        guard isPlain else {
            throw Failure(
                "apparmor.bad-path", doing: "make the task's AppArmor profile", on: path,
                cause: "a path in it must be plain", remedy: "run the task with --security-opt apparmor=unconfined")
        }
        // A directory's own name ends with a slash there.
        return ["  deny \(path){,/,/**} \(rights),"]
    }
}

/// The kernel's AppArmor policy.
enum AppArmorPolicy {
    private static let profiles = "/sys/kernel/security/apparmor/profiles"
    private static let profilesBytesMax = 8 << 20
    private static let saidBytesMax = 4_096
    /// Far more than the parser takes for a profile of ours on a busy machine.
    static let secondsMax = 120.0

    static func has(_ name: String) throws(Failure) -> Bool {
        do throws(KernelError) {
            // Lines look like `name (enforce)`.
            return try TextFile.read(profiles, limit: profilesBytesMax).cut(at: "\n")
                .contains { $0 == "\(name) (enforce)" }
        } catch {
            throw error.failure("apparmor.unreadable", doing: "see which AppArmor profiles are loaded", on: profiles)
        }
    }

    /// Loads the profile, or replaces one of its name. The parser compiles it for the kernel that runs; one that takes
    /// longer than `seconds` is killed.
    static func load(
        _ text: String, as name: String, parser: String? = AppArmorTool.path,
        within seconds: Double = AppArmorPolicy.secondsMax
    ) throws(Failure) {
        let said: String
        let end: ProcessEnd
        do throws(KernelError) {
            guard let parser else {
                throw KernelError(call: "find", on: "apparmor_parser", errno: Errno.noEntry)
            }
            let input = try OwnedDescriptor.memoryFile("profile")
            try input.write(text)
            try input.seek(to: 0)
            let output = try OwnedDescriptor.memoryFile("said")
            let process = try ToolProcess.start(
                parser, ["--replace", "--skip-cache", "--quiet"], environment: ["PATH=/usr/sbin:/usr/bin", "LC_ALL=C"],
                descriptors: [input, output, output])
            end = try process.reap(within: seconds)
            said = String(decoding: try output.readBytes(saidBytesMax, at: 0), as: UTF8.self)
        } catch {
            let isSlow = error.errno == Errno.timedOut
            throw error.failure(
                "apparmor.cannot-load", doing: "load the AppArmor profile", on: name,
                remedy: isSlow ? "apparmor_parser took more than \(Int(seconds)) s; see what it waits for" : nil,
                retry: isSlow ? .later : .never)
        }
        if end == .exited(0), try has(name) { return }
        throw Failure(
            "apparmor.cannot-load", doing: "load the AppArmor profile", on: name,
            cause: "apparmor_parser ended with \(end): \(Untrusted.shown(said))",
            remedy: "run the task with --security-opt apparmor=unconfined, or repair AppArmor")
    }
}
