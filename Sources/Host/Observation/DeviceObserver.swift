import Auditing
import Diagnostics
import LinuxKernel
import SeccompFormat

/// Device nodes below /dev, and the programs that decide about them.
struct DeviceObserver {
    static let entriesMax = 4_096
    static let depthMax = 6

    let process: Int32
    let mounts: [MountFacts]

    func nodes() -> Observed<[DeviceFacts]> {
        var found: [DeviceFacts] = []
        var left = Self.entriesMax
        do throws(KernelError) {
            let root = try OwnedDescriptor.open(RawPath("/proc/\(process)/root"), [.path, .directory])
            do throws(KernelError) {
                let directory = try root.open("dev", [.directory, .noFollow], rules: .confined)
                try collect(directory, "/dev", depth: 0, &left, &found)
            } catch {
                // No /dev, no devices.
                guard error.errno == Errno.noEntry else { throw error }
            }
        } catch {
            return .hidden("/proc/\(process)/root/dev cannot be read: \(error)")
        }
        return left > 0 ? .seen(found) : .hidden("/dev has more than \(Self.entriesMax) entries")
    }

    private func collect(
        _ directory: OwnedDescriptor, _ path: String, depth: Int, _ left: inout Int, _ found: inout [DeviceFacts]
    ) throws(KernelError) {
        let mount = try MountNumber.of(directory)
        let isHonoured = mounts.first { $0.id == mount }.map { !$0.options.contains("nodev") } ?? true
        for entry in try directory.entries() {
            left -= 1
            guard left > 0 else { return }
            let status: FileStatus
            do throws(KernelError) { status = try directory.status(of: entry.name) } catch {
                if error.errno == Errno.noEntry { continue }
                throw error
            }
            let name = "\(path)/\(entry.name)"
            switch status.kind {
            case .directory where depth < Self.depthMax:
                let below = try directory.open(entry.name, [.directory, .noFollow])
                try collect(below, name, depth: depth + 1, &left, &found)
            case .character, .block:
                found.append(
                    DeviceFacts(
                        name, kind: status.kind == .block ? "b" : "c", major: status.deviceMajor,
                        minor: status.deviceMinor, isHonoured: isHonoured))
            default: break
            }
        }
    }

    /// `group`: the cgroup's directory in the version 2 tree; `legacy`: in the devices controller of version 1.
    static func policy(group: String?, legacy: String?) -> Observed<DevicePolicyFacts> {
        if let legacy, let list = read(legacy + "/devices.list") {
            let lines = list.cut(at: "\n").map(String.init)
            if lines != ["a *:* rwm"] {
                return .seen(
                    DevicePolicyFacts(
                        programs: [], isListed: true, extra: lines.filter { !isUsual($0) },
                        source: legacy + "/devices.list"))
            }
        }
        guard let group else { return .hidden("it is in no version 2 cgroup") }
        do throws(KernelError) {
            let directory = try OwnedDescriptor.open(RawPath(group), [.directory])
            let identifiers = try DeviceProgramReadback.identifiers(of: directory)
            var programs: [[UInt8]] = []
            for identifier in identifiers { programs.append(try DeviceProgramReadback.bytes(of: identifier)) }
            return .seen(
                DevicePolicyFacts(
                    programs: identifiers, extra: programs.isEmpty ? nil : judged(programs),
                    source: "BPF_PROG_QUERY of \(group)"))
        } catch {
            return .hidden("the device programs of \(group) cannot be read: \(error)")
        }
    }

    private static func read(_ path: String) -> String? {
        do throws(KernelError) { return try TextFile.read(path) } catch { return nil }
    }

    /// Lines of version 1's list for the default devices; making nodes is harmless without the right to open them.
    private static func isUsual(_ line: String) -> Bool {
        let words = line.cut(at: " ").map(String.init)
        guard words.count == 3 else { return false }
        if words[2] == "m" { return true }
        return words[0] == "c"
            && ["1:3", "1:5", "1:7", "1:8", "1:9", "5:0", "5:1", "5:2", "136:*"].contains(words[1])
    }

    /// What all of them allow beyond the default devices. Programs compare for equality with numbers that stand in
    /// them, so those and one other are all there is to ask about. Nil when one of them does something else.
    static func judged(_ programs: [[UInt8]]) -> [String]? {
        let other: UInt32 = 0xf_fff0
        let numbers = programs.reduce(into: Set([other])) { $0.formUnion(compared($1)) }.sorted()
        var extra: [String] = []
        do throws(Failure) {
            for kind in [DeviceRule.Kind.character, .block] {
                for major in numbers {
                    for minor in numbers {
                        let access = try allowed(programs, kind, major, minor)
                        if access.isEmpty || isStandard(kind, major, minor, access) { continue }
                        let letters = [("r", DeviceAccess.read), ("w", .write), ("m", .makeNode)]
                        let text = letters.filter { access.contains($0.1) }.map(\.0).joined()
                        func shown(_ number: UInt32) -> String { number == other ? "*" : "\(number)" }
                        extra.append("\(kind == .block ? "b" : "c") \(shown(major)):\(shown(minor)) \(text)")
                    }
                }
            }
        } catch { return nil }
        // What holds for every minor number need not be said for each.
        return extra.filter { line in
            guard let colon = line.lastPosition(of: ":"), let space = line.lastPosition(of: " ") else { return true }
            let every = line[..<colon] + ":*" + line[space...]
            return line == every || !extra.contains(String(every))
        }
    }

    private static func allowed(
        _ programs: [[UInt8]], _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32
    ) throws(Failure) -> DeviceAccess {
        var access: DeviceAccess = []
        for one in [DeviceAccess.read, .write, .makeNode] {
            var isAllowed = true
            for program in programs where isAllowed {
                isAllowed = try DeviceEvaluator.allows(program, kind: kind, major: major, minor: minor, access: one)
            }
            if isAllowed { access.insert(one) }
        }
        return access
    }

    private static func isStandard(
        _ kind: DeviceRule.Kind, _ major: UInt32, _ minor: UInt32, _ access: DeviceAccess
    ) -> Bool {
        if access == .makeNode { return true }
        return DeviceRule.standard.contains {
            $0.kind == kind && $0.major == major && ($0.minor == nil || $0.minor == minor)
                && $0.access.isSuperset(of: access)
        }
    }

    /// Numbers that a program compares with: the immediates of its conditional jumps.
    private static func compared(_ program: [UInt8]) -> Set<UInt32> {
        var numbers: Set<UInt32> = []
        for at in stride(from: 0, to: program.count - 7, by: 8) where [5, 6].contains(program[at] & 7) {
            numbers.insert((0..<4).reduce(UInt32(0)) { $0 | UInt32(program[at + 4 + $1]) << UInt32(8 * $1) })
        }
        return numbers
    }
}

/// The mount a descriptor of ours is on, /proc/self/fdinfo.
enum MountNumber {
    static func of(_ descriptor: OwnedDescriptor) throws(KernelError) -> UInt64? {
        let text = try TextFile.read("/proc/self/fdinfo/\(descriptor.number)", limit: 4_096)
        return ProcessText.fields(text)["mnt_id"].flatMap { UInt64($0) }
    }
}
