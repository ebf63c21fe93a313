import Containerizing
import CommandOutput
import Containers
import Diagnostics
import HostProbe
import LinuxKernel

enum UlimitFlag {
    /// `NAME=SOFT[:HARD]`; -1 and `unlimited` are no limit.
    static func parse(_ text: String) throws(Failure) -> NamedLimit {
        let pair = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let values =
            pair.count == 2 ? pair[1].cut(at: ":", omittingEmptySubsequences: false).map(String.init) : []
        guard !pair[0].isEmpty, (1...2).contains(values.count) else {
            throw .flag(
                "ulimit", text, cause: "it is not NAME=SOFT or NAME=SOFT:HARD", remedy: "such as nofile=1024:4096")
        }
        let soft = try value(values[0], of: text)
        let hard = try value(values[values.count - 1], of: text)
        guard (soft ?? .max) <= (hard ?? .max) else {
            throw .flag("ulimit", text, cause: "the soft limit is above the hard limit")
        }
        return NamedLimit(name: pair[0].lowercased(), soft: soft, hard: hard)
    }

    private static func value(_ word: String, of text: String) throws(Failure) -> UInt64? {
        if word == "-1" || word == "unlimited" { return nil }
        guard let number = UInt64(word) else {
            throw .flag("ulimit", text, cause: "'\(word)' is not a number", remedy: "such as nofile=1024:4096")
        }
        return number
    }
}

enum SysctlFlag {
    static func parse(_ text: String) throws(Failure) -> (name: String, value: String) {
        let pair = text.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard pair.count == 2, !pair[0].isEmpty else {
            throw .flag("sysctl", text, cause: "it has no value", remedy: "write it as NAME=VALUE")
        }
        return (pair[0].replacing("/", with: "."), pair[1])
    }
}

enum AddressFlag {
    /// `--add-host NAME:ADDRESS` as a line of /etc/hosts.
    static func hostLine(_ text: String) throws(Failure) -> String {
        let cut = text.firstIndex { $0 == ":" || $0 == "=" }
        let name = cut.map { String(text[..<$0]) } ?? ""
        var address = cut.map { String(text[text.utf8.index(after: $0)...]) } ?? ""
        if address.begins(with: "["), address.ends(with: "]") { address = String(address.dropFirst().dropLast()) }
        let isName =
            !name.isEmpty && name.utf8.count <= 253
            && name.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x61...0x7a).contains($0 | 0x20) || [0x2d, 0x2e, 0x5f].contains($0)
            }
        guard isName, isAddress(address) else {
            throw .flag("add-host", text, cause: "it is not NAME:ADDRESS", remedy: "such as db:10.0.0.5")
        }
        return "\(address) \(name)"
    }

    static func nameServer(_ text: String) throws(Failure) -> String {
        guard isAddress(text) else {
            throw .flag("dns", text, cause: "it is not an IP address", remedy: "such as 1.1.1.1")
        }
        return text
    }

    static func isAddress(_ text: String) -> Bool { NameServers.isAddress(text) }
}

enum UnenforcedFlag {
    static func parse(_ text: String) throws(Failure) -> String {
        guard Feature(rawValue: text) != nil else {
            throw .flag(
                "allow-unenforced", text, cause: "there is no such feature",
                remedy: "known are \(Feature.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return text
    }
}

enum IORateFlag {
    /// `[DEVICE:]RATE`; without a device, the one the container's files are on.
    static func parse(_ text: String, flag: String, kind: IOLimit.Kind) throws(Failure) -> IOLimit {
        let cut = text.lastPosition(of: ":")
        let device = cut.map { String(text[..<$0]) }
        let rate = cut.map { String(text[text.utf8.index(after: $0)...]) } ?? text
        if let device, !device.begins(with: "/dev/") {
            throw .flag(
                flag, text, cause: "'\(device)' is not a device", remedy: "write /dev/NAME:RATE, or only the rate")
        }
        let isBytes = kind == .readBytes || kind == .writeBytes
        let perSecond =
            try isBytes
            ? ByteSize.parse(rate, flag: flag) : UInt64(WholeNumber.parse(rate, flag: flag, in: 1...1_000_000_000))
        guard perSecond > 0 else { throw .flag(flag, text, cause: "a rate of zero would stop the container for ever") }
        return IOLimit(kind: kind, device: device, perSecond: perSecond)
    }
}
