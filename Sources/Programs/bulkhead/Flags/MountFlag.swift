import CommandOutput
import Containers
import Diagnostics

/// `--mount type=bind,source=…,target=…` and `--mount type=tmpfs,target=…`.
enum MountFlag: Equatable {
    case volume(VolumeRequest)
    case temporary(TemporaryFilesystem)

    private static let known = [
        "type", "source", "target", "readonly", "noexec", "unmapped", "bind-propagation", "tmpfs-size", "tmpfs-mode",
    ]
    private static let otherNames = ["src": "source", "dst": "target", "destination": "target", "ro": "readonly"]

    static func parse(_ text: String, directory: String) throws(Failure) -> MountFlag {
        let fields = try fields(of: text)
        guard let target = fields["target"] else {
            throw .flag("mount", text, cause: "it has no target", remedy: "add target=/path/in/the/container")
        }
        switch fields["type"] ?? "volume" {
        case "bind":
            guard let source = fields["source"] else {
                throw .flag("mount", text, cause: "a bind has no source", remedy: "add source=/path/on/the/host")
            }
            try refuse(["tmpfs-size", "tmpfs-mode"], in: fields, of: text)
            return .volume(
                VolumeRequest(
                    source: HostPath.absolute(source, in: directory), target: target,
                    readOnly: try truth("readonly", fields), noExecute: try truth("noexec", fields),
                    mapped: !(try truth("unmapped", fields))))
        case "tmpfs":
            try refuse(["source", "unmapped", "bind-propagation"], in: fields, of: text)
            return .temporary(try temporary(fields, at: target))
        case let type:
            throw .flag(
                "mount", text, cause: "there are no mounts of type '\(type)' here",
                remedy: "use type=bind or type=tmpfs")
        }
    }

    private static func temporary(
        _ fields: [String: String], at target: String
    ) throws(Failure) -> TemporaryFilesystem {
        var filesystem = TemporaryFilesystem(target: target, readOnly: try truth("readonly", fields))
        if let size = fields["tmpfs-size"] { filesystem.bytesMax = try TmpfsFlag.size(size, flag: "mount") }
        if let mode = fields["tmpfs-mode"] { filesystem.mode = try FileMode.parse(mode, flag: "mount") }
        return filesystem
    }

    private static func fields(of text: String) throws(Failure) -> [String: String] {
        var fields: [String: String] = [:]
        for part in text.cut(at: ",", omittingEmptySubsequences: false) {
            let pair = part.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = otherNames[pair[0]] ?? pair[0]
            guard known.contains(name) else {
                throw .flag(
                    "mount", text, cause: "the field '\(pair[0])' is not known",
                    remedy: "known are \(known.joined(separator: ", "))")
            }
            guard fields.updateValue(pair.count == 2 ? pair[1] : "true", forKey: name) == nil else {
                throw .flag("mount", text, cause: "it has '\(name)' twice")
            }
        }
        if let propagation = fields["bind-propagation"], !["private", "rprivate"].contains(propagation) {
            throw .flag(
                "mount", text, cause: "mounts are never shared with the host", remedy: "leave bind-propagation out")
        }
        return fields
    }

    private static func truth(_ name: String, _ fields: [String: String]) throws(Failure) -> Bool {
        guard let word = fields[name] else { return false }
        return try TruthWord.parse(word, flag: "mount")
    }

    private static func refuse(_ names: [String], in fields: [String: String], of text: String) throws(Failure) {
        guard let name = names.first(where: { fields[$0] != nil }) else { return }
        throw .flag("mount", text, cause: "'\(name)' does not go with this type")
    }
}

/// Permission bits in octal.
enum FileMode {
    static func parse(_ text: String, flag: String) throws(Failure) -> UInt32 {
        guard let mode = UInt32(text, radix: 8), mode <= 0o7777 else {
            throw .flag(flag, text, cause: "it is not a mode", remedy: "write it in octal, such as 1777")
        }
        return mode
    }
}

/// `--tmpfs TARGET[:OPTION,…]`.
enum TmpfsFlag {
    static func parse(_ text: String) throws(Failure) -> TemporaryFilesystem {
        let parts = text.cut(at: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        var filesystem = TemporaryFilesystem(target: parts[0])
        for option in (parts.count == 2 ? parts[1] : "").cut(at: ",") {
            let pair = option.cut(at: "=", maxSplits: 1).map(String.init)
            switch (pair[0], pair.count == 2 ? pair[1] : nil) {
            case ("size", .some(let size)): filesystem.bytesMax = try Self.size(size, flag: "tmpfs")
            case ("mode", .some(let mode)): filesystem.mode = try FileMode.parse(mode, flag: "tmpfs")
            case ("ro", nil): filesystem.readOnly = true
            case ("rw", nil): filesystem.readOnly = false
            case ("exec", nil): filesystem.execute = true
            case ("noexec", nil): filesystem.execute = false
            case ("nosuid", nil), ("nodev", nil): break  // always so
            default:
                throw .flag(
                    "tmpfs", text, cause: "the option '\(option)' is not known",
                    remedy: "known are size=, mode=, ro, rw, exec and noexec")
            }
        }
        return filesystem
    }

    /// The kernel would take zero for half of the machine's memory.
    static func size(_ text: String, flag: String) throws(Failure) -> UInt64 {
        let bytes = try ByteSize.parse(text, flag: flag)
        guard bytes > 0 else {
            throw .flag(flag, text, cause: "a file system of no size holds nothing", remedy: "give at least 4k")
        }
        return bytes
    }
}
