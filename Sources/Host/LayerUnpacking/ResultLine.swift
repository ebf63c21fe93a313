import Diagnostics
import LinuxKernel

/// What the unpacker tells the process that started it: one JSON object a line on the descriptor given for it.
enum ResultLine {
    case member(name: String, file: String, size: UInt64, digest: String?)
    case link(name: String, target: String)
    case progress(bytes: UInt64)
    case ingested(members: UInt64, bytes: UInt64)
    case unpacked(UnpackedLayer)
    case failure(Failure)

    var text: String {
        switch self {
        case .member(let name, let file, let size, let digest):
            Self.line(
                "member",
                [("name", .text(name)), ("file", .text(file)), ("size", .number(size))]
                    + (digest.map { [("digest", .text($0))] } ?? []))
        case .link(let name, let target): Self.line("link", [("name", .text(name)), ("target", .text(target))])
        case .progress(let bytes): Self.line("progress", [("bytes", .number(bytes))])
        case .ingested(let members, let bytes):
            Self.line("done", [("members", .number(members)), ("bytes", .number(bytes))])
        case .unpacked(let layer): Self.line("done", layer.fields)
        case .failure(let failure): Self.line("failure", Self.fields(failure))
        }
    }

    enum Value {
        case text(String)
        case number(UInt64)
    }

    private static func fields(_ failure: Failure) -> [(String, Value)] {
        let optional = [
            ("subject", failure.subject), ("cause", failure.cause), ("remedy", failure.remedy),
            ("field", failure.field), ("limit", failure.limit),
        ]
        return [("code", .text(failure.code.rawValue)), ("doing", .text(failure.doing))]
            + optional.compactMap { name, value in value.map { (name, .text($0)) } }
            + [("retry", .text(failure.retry.rawValue))]
    }

    private static func line(_ kind: String, _ fields: [(String, Value)]) -> String {
        let members = fields.map { name, value in
            switch value {
            case .text(let text): "\"\(name)\":\(quoted(text))"
            case .number(let number): "\"\(name)\":\(number)"
            }
        }
        return "{\"\(kind)\":{" + members.joined(separator: ",") + "}}\n"
    }

    /// A JSON string, RFC 8259, in ASCII where the text is.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\u{0}"..<"\u{20}", "\u{7f}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}

/// A layer that is unpacked and verified.
public struct UnpackedLayer: Equatable, Sendable {
    public var digest: String
    /// The digest of the uncompressed archive.
    public var diffID: String
    public var entries: UInt64
    /// Bytes of the uncompressed archive.
    public var bytes: UInt64
    public var compressedBytes: UInt64
    /// Device nodes and sockets of the archive, which are not made.
    public var skippedDevices: UInt64
    /// What it took of what it may take: also directories that no entry names, and what lower layers' files gave.
    public var takenFiles: UInt64
    public var takenBytes: UInt64

    fileprivate var fields: [(String, ResultLine.Value)] {
        [
            ("digest", .text(digest)), ("diffID", .text(diffID)), ("entries", .number(entries)),
            ("bytes", .number(bytes)), ("compressedBytes", .number(compressedBytes)),
            ("skippedDevices", .number(skippedDevices)), ("takenFiles", .number(takenFiles)),
            ("takenBytes", .number(takenBytes)),
        ]
    }
}
