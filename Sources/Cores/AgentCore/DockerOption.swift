import Containers
import Diagnostics
import NetworkFormat

/// One option of another engine's command line as a client sends it along, and what its value says. Pure.
struct DockerOption {
    /// Without its dashes.
    var key: String
    var value: String
    /// Where in the task it is.
    var field: String

    func invalid(_ cause: String, remedy: String = "correct it") -> Failure {
        Failure(
            "launch.docker-parameter", doing: "launch it with", on: "\(key)=\(Untrusted.shown(value))", cause: cause,
            remedy: remedy, field: field)
    }

    /// What only the operator can allow, and with which flag; nil: with none.
    func forbidden(_ what: String, _ flag: String?) -> Failure {
        let remedy = flag.map { "leave it out, or start the agent with \($0)" } ?? "leave it out: no flag allows it"
        return Failure(
            "launch.docker-parameter", doing: "launch it with", on: "\(key)=\(Untrusted.shown(value))",
            cause: "this agent does not let tasks \(what)", remedy: remedy, field: field)
    }

    func pair(_ separators: String) -> (String, String?) {
        guard let index = value.utf8.firstIndex(where: separators.utf8.contains) else { return (value, nil) }
        return (String(value[..<index]), String(value[value.utf8.index(after: index)...]))
    }

    func flag() throws(Failure) -> Bool {
        switch value {
        case "", "true": true
        case "false": false
        default: throw invalid("it is neither true nor false")
        }
    }

    /// Bytes, or a number with k, m, g or t (powers of 1,024).
    func bytes() throws(Failure) -> UInt64 { try bytes(of: value) }

    private func bytes(of text: String) throws(Failure) -> UInt64 {
        var number = text.lowercased()[...]
        for ending in ["ib", "b"] where number.ends(with: ending) {
            number = number.dropLast(ending.count)
            break
        }
        let shifts: [Character: UInt64] = ["k": 10, "m": 20, "g": 30, "t": 40]
        let shift = number.last.flatMap { shifts[$0] }
        if shift != nil { number = number.dropLast() }
        guard let count = UInt64(number), count > 0, count <= UInt64(Int64.max) >> (shift ?? 0) else {
            throw invalid("it is no size", remedy: "write a number of bytes, or one with k, m, g or t such as 512m")
        }
        return count << (shift ?? 0)
    }

    func number(in range: ClosedRange<Int64>) throws(Failure) -> Int64 {
        guard let number = Int64(value), range.contains(number) else {
            throw invalid("it is no whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    func variable() throws(Failure) -> (name: String, value: String) {
        let (name, text) = pair("=")
        guard let text, !name.isEmpty, !value.utf8.contains(0) else { throw invalid("it is not NAME=value") }
        return (name, text)
    }

    func absolutePath() throws(Failure) -> String {
        guard value.begins(with: "/"), !value.utf8.contains(0) else { throw invalid("it is not an absolute path") }
        return value
    }

    /// `NAME=SOFT[:HARD]`; -1 and `unlimited` are no limit.
    func processLimit() throws(Failure) -> NamedLimit {
        let (name, text) = pair("=")
        let words = (text ?? "").cut(at: ":", omittingEmptySubsequences: false)
        var bounds: [UInt64?] = []
        for word in words {
            if word == "-1" || word == "unlimited" {
                bounds.append(nil)
            } else if let number = UInt64(word) {
                bounds.append(number)
            }
        }
        guard !name.isEmpty, (1...2).contains(words.count), bounds.count == words.count,
            let soft = bounds.first, let hard = bounds.last, (soft ?? .max) <= (hard ?? .max)
        else { throw invalid("it is not NAME=SOFT:HARD") }
        return NamedLimit(name: name.lowercased(), soft: soft, hard: hard)
    }

    /// `[DEVICE:]RATE`; without a device, the one the container's files are on.
    func rate(_ kind: IOLimit.Kind) throws(Failure) -> IOLimit {
        let cut = value.lastPosition(of: ":")
        let device = cut.map { String(value[..<$0]) }
        let text = cut.map { String(value[value.utf8.index(after: $0)...]) } ?? value
        guard device?.begins(with: "/dev/") != false else {
            throw invalid("it names no device", remedy: "write /dev/NAME:RATE, or only the rate")
        }
        if kind == .readBytes || kind == .writeBytes {
            return IOLimit(kind: kind, device: device, perSecond: try bytes(of: text))
        }
        guard let count = UInt64(text), (1...1_000_000_000).contains(count) else { throw invalid("it is no rate") }
        return IOLimit(kind: kind, device: device, perSecond: count)
    }

    /// `0-2,4`.
    func processors() throws(Failure) -> String {
        for part in value.cut(at: ",", omittingEmptySubsequences: false) {
            let ends = part.cut(at: "-", omittingEmptySubsequences: false).map { UInt16($0) }
            guard (1...2).contains(ends.count), let low = ends[0], let high = ends[ends.count - 1], low <= high else {
                throw invalid("it is not a list of processors", remedy: "write it as 0-2,4")
            }
        }
        return value
    }

    /// `NAME:ADDRESS` as a line of /etc/hosts.
    func hostLine() throws(Failure) -> String {
        let (name, rest) = pair(":=")
        var address = rest ?? ""
        if address.begins(with: "["), address.ends(with: "]") { address = String(address.dropFirst().dropLast()) }
        let isName =
            !name.isEmpty && name.utf8.count <= 253
            && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-._".contains($0)) }
        guard isName, IPAddress(address) != nil else { throw invalid("it is not NAME:ADDRESS") }
        return "\(address) \(name)"
    }

    func address() throws(Failure) -> String {
        guard IPAddress(value) != nil else { throw invalid("it is not an IP address") }
        return value
    }

    /// `TARGET[:size=…,mode=…,ro,rw,exec,noexec]`.
    func temporaryFilesystem() throws(Failure) -> TemporaryFilesystem {
        let (target, options) = pair(":")
        guard target.begins(with: "/"), !target.utf8.contains(0) else { throw invalid("it names no absolute path") }
        var filesystem = TemporaryFilesystem(target: target)
        for option in (options ?? "").cut(at: ",") { try apply(String(option), to: &filesystem) }
        return filesystem
    }

    private func apply(_ option: String, to filesystem: inout TemporaryFilesystem) throws(Failure) {
        switch option {
        case "ro": filesystem.readOnly = true
        case "rw": filesystem.readOnly = false
        case "exec": filesystem.execute = true
        case "noexec": filesystem.execute = false
        case "nosuid", "nodev": break  // always so
        case let text where text.begins(with: "size="): filesystem.bytesMax = try bytes(of: String(text.dropFirst(5)))
        case let text where text.begins(with: "mode="):
            guard let mode = UInt32(text.dropFirst(5), radix: 8), mode <= 0o7777 else {
                throw invalid("it has no mode")
            }
            filesystem.mode = mode
        default: throw invalid("the option '\(option)' is not known")
        }
    }

    /// `/host/path:/path[:ro]`; whether it may is asked elsewhere.
    func hostVolume() throws(Failure) -> VolumeRequest {
        let parts = value.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        guard (2...3).contains(parts.count), parts[0].begins(with: "/") else {
            throw invalid(
                "it is not /host/path:/path, perhaps with :ro", remedy: "use volumes of the host's paths only")
        }
        var volume = VolumeRequest(source: parts[0], target: parts[1])
        for option in (parts.count == 3 ? parts[2] : "rw").cut(at: ",", omittingEmptySubsequences: false) {
            switch option {
            case "ro": volume.readOnly = true
            case "rw": volume.readOnly = false
            case "noexec": volume.noExecute = true
            case "nosuid", "nodev", "private", "rprivate": break  // always so
            default: throw invalid("the option '\(option)' is not known")
            }
        }
        return volume
    }

    /// `/dev/NAME[:/dev/INSIDE][:rw]` or `vendor.com/class=name`; whether it may is asked elsewhere.
    func device() throws(Failure) -> DeviceOrder {
        guard value.begins(with: "/") else {
            guard value.has("="), value.has("/") else { throw invalid("it is no device") }
            return DeviceOrder(value)
        }
        var parts = value.cut(at: ":", omittingEmptySubsequences: false).map(String.init)
        var access = "rw"
        if let last = parts.last, parts.count > 1, !last.begins(with: "/") {
            guard !last.isEmpty, last.allSatisfy("rwm".contains) else { throw invalid("it is no device") }
            // Nodes are made by the host, once.
            access = last.filter { $0 != "m" }
            parts.removeLast()
        }
        guard parts.count <= 2, !access.isEmpty, parts.allSatisfy({ $0.begins(with: "/dev/") && $0.count > 5 }) else {
            throw invalid("it is no device", remedy: "write /dev/NAME, /dev/NAME:rw or vendor.com/class=name")
        }
        return DeviceOrder(parts[0], path: parts[parts.count - 1], access: access)
    }

    func signal() throws(Failure) -> Int32 {
        if let number = Int32(value), (1...64).contains(number) { return number }
        let names: [String: Int32] = [
            "HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9, "USR1": 10,
            "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17, "CONT": 18,
            "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27,
            "WINCH": 28, "IO": 29, "PWR": 30, "SYS": 31,
        ]
        let upper = value.uppercased()
        let name = upper.begins(with: "SIG") ? String(upper.dropFirst(3)) : upper
        if let number = names[name] { return number }
        if name.begins(with: "RTMIN+"), let more = Int32(name.dropFirst(6)), (0...30).contains(more) {
            return 34 + more
        }
        throw invalid("there is no such signal")
    }
}
