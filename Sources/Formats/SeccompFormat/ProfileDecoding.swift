public import Diagnostics
import JSONFormat

extension SeccompProfile {
    /// The largest profile that is read.
    public static let documentBytesMax = 4 << 20

    /// Reads a profile in Docker's format or as the `linux.seccomp` object of an OCI runtime configuration.
    ///
    /// - Throws: `Failure` `seccomp.profile-invalid` naming the entry at fault, `seccomp.profile-too-large`.
    public static func decode(json: [UInt8], name: String) throws(Failure) -> SeccompProfile {
        guard json.count <= documentBytesMax else {
            throw Failure(
                "seccomp.profile-too-large", doing: "read the seccomp profile", on: name,
                cause: "it has \(json.count) bytes", remedy: "use a smaller profile",
                limit: "profile bytes \(documentBytesMax)")
        }
        let tree: ProfileTree
        do throws(JSONFault) { tree = try JSONReader.read(json, limits: documentLimits) } catch {
            let place = error.position.map { " (byte \($0))" } ?? ""
            throw ProfileReading.invalid(name, field: nil, error.cause + place)
        }
        var reading = ProfileReading(profile: name)
        return try reading.profile(
            from: try ProfileDocument(try ProfileValue(tree: tree, profile: name, place: "").object()))
    }

    private static let documentLimits = JSONLimits(bytes: documentBytesMax, depth: 16, values: 1_000_000)
}

/// Turns the fields of a document into a profile, refusing every word it does not know.
struct ProfileReading {
    let profile: String
    private var notes: [String] = []

    init(profile: String) { self.profile = profile }

    static func invalid(_ profile: String, field: String?, _ cause: String) -> Failure {
        Failure(
            "seccomp.profile-invalid", doing: "read the seccomp profile", on: profile,
            cause: field.map { "\($0): \(cause)" } ?? cause,
            remedy: "correct the profile; the format is Docker's or linux.seccomp of the OCI runtime specification",
            field: field)
    }

    private func refuse(_ field: String, _ cause: String) -> Failure { Self.invalid(profile, field: field, cause) }

    mutating func profile(from document: ProfileDocument) throws(Failure) -> SeccompProfile {
        let defaultError = try error(
            document.defaultErrnoRet, document.defaultErrno, of: document.defaultAction, field: "defaultErrnoRet")
        let defaultAction = try action(document.defaultAction, field: "defaultAction", error: defaultError)
        let architectures = try architectures(of: document)
        let flags = try flags(document.flags ?? [])
        var rules: [ProfileRule] = []
        for (index, entry) in (document.syscalls ?? []).enumerated() {
            rules.append(try rule(entry, field: "syscalls[\(index)]"))
        }
        return SeccompProfile(
            name: profile, defaultAction: defaultAction, architectures: architectures, flags: flags, rules: rules,
            notes: notes)
    }

    private func rule(_ entry: ProfileDocument.CallEntry, field: String) throws(Failure) -> ProfileRule {
        let names = entry.names ?? []
        if entry.name != nil, !names.isEmpty { throw refuse(field, "both name and names are given") }
        let calls = entry.name.map { [$0] } ?? names
        if calls.isEmpty { throw refuse(field, "no call is named") }
        if calls.contains("") { throw refuse(field, "a call has an empty name") }
        let error = try error(entry.errnoRet, entry.errno, of: entry.action, field: "\(field).errnoRet")
        var conditions: [ArgumentCondition] = []
        for (index, argument) in (entry.args ?? []).enumerated() {
            conditions.append(try condition(argument, field: "\(field).args[\(index)]"))
        }
        return ProfileRule(
            calls, when: conditions, try action(entry.action, field: "\(field).action", error: error),
            includes: try hostFilter(entry.includes, field: "\(field).includes"),
            excludes: try hostFilter(entry.excludes, field: "\(field).excludes"))
    }

    private func condition(
        _ entry: ProfileDocument.ArgumentEntry, field: String
    ) throws(Failure) -> ArgumentCondition {
        let value = entry.value
        guard entry.index < 6 else { throw refuse("\(field).index", "a call has the arguments 0 to 5") }
        let test: ArgumentCondition.Test =
            switch entry.op {
            case "SCMP_CMP_NE": .notEqual(value)
            case "SCMP_CMP_LT": .less(value)
            case "SCMP_CMP_LE": .lessOrEqual(value)
            case "SCMP_CMP_EQ": .equal(value)
            case "SCMP_CMP_GE": .greaterOrEqual(value)
            case "SCMP_CMP_GT": .greater(value)
            case "SCMP_CMP_MASKED_EQ": .masked(value, equal: entry.valueTwo ?? 0)
            default: throw refuse("\(field).op", "unknown comparison \(entry.op)")
            }
        return ArgumentCondition(index: UInt8(entry.index), test)
    }

    private func action(_ name: String, field: String, error: ErrorNumber) throws(Failure) -> FilterAction {
        switch name {
        case "SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD": .killThread
        case "SCMP_ACT_KILL_PROCESS": .killProcess
        case "SCMP_ACT_TRAP": .trap
        case "SCMP_ACT_ERRNO": .refuse(error)
        case "SCMP_ACT_TRACE": .trace(error.rawValue)
        case "SCMP_ACT_ALLOW": .allow
        case "SCMP_ACT_LOG": .log
        case "SCMP_ACT_NOTIFY": .notify
        default: throw refuse(field, "unknown action \(name)")
        }
    }

    /// Actions that answer with an errno; the runtime specification has it refused with every other.
    private static let answering: Set = ["SCMP_ACT_ERRNO", "SCMP_ACT_TRACE"]

    /// podman's profiles name the errno beside its number; the name then decides, because numbers differ between
    /// processors.
    private func error(
        _ number: UInt64?, _ name: String?, of action: String, field: String
    ) throws(Failure) -> ErrorNumber {
        guard Self.answering.contains(action) || number == nil && name?.isEmpty != false else {
            throw refuse(field, "\(action) answers with no errno")
        }
        if let name, !name.isEmpty {
            guard let known = ErrorNumber(name: name) else { throw refuse(field, "unknown errno name \(name)") }
            return known
        }
        guard let number else { return .notPermitted }
        guard number <= UInt64(FilterAction.errnoMax) else {
            throw refuse(field, "errno \(number) is above \(FilterAction.errnoMax)")
        }
        return ErrorNumber(rawValue: UInt16(number))
    }

    private mutating func architectures(of document: ProfileDocument) throws(Failure) -> ArchitectureChoice {
        let listed = document.architectures ?? []
        let map = document.archMap ?? []
        if !listed.isEmpty, !map.isEmpty { throw refuse("archMap", "both architectures and archMap are given") }
        if map.isEmpty { return listed.isEmpty ? .nativeOnly : .listed(try known(listed, field: "architectures")) }
        var result: [FilterArchitecture: [FilterArchitecture]] = [:]
        for (index, entry) in map.enumerated() {
            let field = "archMap[\(index)]"
            let others = try known(entry.subArchitectures ?? [], field: "\(field).subArchitectures")
            for native in try known([entry.architecture], field: "\(field).architecture") { result[native] = others }
        }
        return .map(result)
    }

    /// The architectures this program knows of those named; a name nobody knows is refused.
    private func known(_ names: [String], field: String) throws(Failure) -> [FilterArchitecture] {
        var result: [FilterArchitecture] = []
        for name in names {
            if let architecture = FilterArchitecture(rawValue: name) {
                result.append(architecture)
            } else if !FilterArchitecture.foreignNames.contains(name) {
                throw refuse(field, "unknown architecture \(name)")
            }
        }
        return result
    }

    private mutating func flags(_ names: [String]) throws(Failure) -> FilterFlags {
        var flags: FilterFlags = []
        for name in names {
            switch name {
            case "SECCOMP_FILTER_FLAG_TSYNC": flags.insert(.allThreads)
            case "SECCOMP_FILTER_FLAG_LOG": flags.insert(.logRefusals)
            case "SECCOMP_FILTER_FLAG_SPEC_ALLOW":
                flags.insert(.allowSpeculation)
                notes.append("SECCOMP_FILTER_FLAG_SPEC_ALLOW gives up the kernel's speculation defence for the task")
            case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": flags.insert(.waitKillable)
            default: throw refuse("flags", "unknown flag \(name)")
            }
        }
        return flags
    }

    private func hostFilter(
        _ entry: ProfileDocument.FilterEntry?, field: String
    ) throws(Failure) -> HostFilter {
        guard let entry else { return HostFilter() }
        var filter = HostFilter()
        for name in entry.caps ?? [] {
            do {
                filter.capabilities.formUnion(try CapabilitySet(names: [name]))
            } catch {
                throw refuse("\(field).caps", "unknown capability \(name); known names are in capabilities(7)")
            }
        }
        for name in entry.arches ?? [] {
            let isKnown =
                FilterArchitecture.allCases.contains { $0.dockerName == name }
                || FilterArchitecture.foreignDockerNames.contains(name)
            if !isKnown { throw refuse("\(field).arches", "unknown architecture \(name)") }
            filter.architectures.insert(name)
        }
        if let text = entry.minKernel, !text.isEmpty {
            guard let version = KernelRelease(release: text) else {
                throw refuse("\(field).minKernel", "\(text) is not a kernel version such as 4.8")
            }
            filter.kernelMin = version
        }
        return filter
    }
}
