import ClusterModel
import Diagnostics

/// What a task asks to be fetched, taken apart and checked before anything is opened.
struct FetchAddress: Equatable {
    enum Source: Equatable {
        /// With the fragment left out.
        case remote(String)
        /// An absolute path of this host.
        case file(String)
    }
    var source: Source
    /// 64 lower-case hexadecimal digits of the SHA-256 the content must have: `#sha256:…` at the address's end.
    var digest: String?
    /// Where it goes in the sandbox, a name at a time.
    var target: [String]

    static let addressBytesMax = 8_192

    /// - Throws: `fetch.address`, naming the address.
    init(_ fetch: CommandSpec.Fetch) throws(Failure) {
        var address = fetch.address
        let shown = FetchAddress.shown(address)
        guard address.utf8.count <= Self.addressBytesMax, !address.utf8.contains(0) else {
            throw Self.refusal(shown, "it is longer than \(Self.addressBytesMax) bytes or holds NUL")
        }
        if let fragment = address.lastPosition(of: "#") {
            digest = try Self.digest(address[address.utf8.index(after: fragment)...], shown)
            address = String(address[..<fragment])
        }
        if address.begins(with: "/") {
            source = .file(address)
        } else if address.lowercased().begins(with: "file://") {
            let path = address.dropFirst(7)
            let local = path.begins(with: "localhost/") ? path.dropFirst(9) : path
            guard local.begins(with: "/") else { throw Self.refusal(shown, "a file address names an absolute path") }
            source = .file(try Self.decoded(local, shown))
        } else if ["http://", "https://"].contains(where: { address.lowercased().begins(with: $0) }) {
            source = .remote(address)
        } else {
            throw Self.refusal(shown, "only http, https and file are fetched", remedy: "serve it over https")
        }
        target = try Self.target(fetch, address, shown)
    }

    /// Without what may be a password in it.
    static func shown(_ address: String) -> String {
        guard let scheme = address.place(of: "://"), let at = address[scheme.upperBound...].position(of: "@"),
            !address[scheme.upperBound..<at].has("/")
        else { return address }
        return address[..<scheme.upperBound] + "…" + address[at...]
    }

    private static func digest(_ fragment: Substring, _ shown: String) throws(Failure) -> String? {
        guard fragment.begins(with: "sha256:") || fragment.begins(with: "sha256=") else { return nil }
        let digits = String(fragment.dropFirst(7))
        guard digits.utf8.count == 64, digits.utf8.allSatisfy({ "0123456789abcdef".utf8.contains($0) }) else {
            throw refusal(shown, "its digest is not 64 lower-case hexadecimal digits")
        }
        return digits
    }

    private static func target(
        _ fetch: CommandSpec.Fetch, _ address: String, _ shown: String
    ) throws(Failure) -> [String] {
        if let output = fetch.outputFile, !output.isEmpty {
            let names = output.cut(at: "/").map(String.init)
            guard !output.begins(with: "/"), !output.ends(with: "/"), isFit(names) else {
                throw refusal(shown, "its output file \(output) does not stay in the sandbox", field: "output_file")
            }
            return names
        }
        var path = address[...]
        if let scheme = path.place(of: "://") {
            let host = path[scheme.upperBound...]
            path = host.position(of: "/").map { host[$0...] } ?? ""
            if let query = path.position(of: "?") { path = path[..<query] }
        }
        let name = try decoded(path.cut(at: "/").last ?? "", shown)
        guard !path.ends(with: "/"), isFit([name]) else {
            throw refusal(shown, "it ends in no file name", remedy: "say output_file")
        }
        return [name]
    }

    private static func isFit(_ names: [String]) -> Bool {
        !names.isEmpty && names.count <= 64
            && names.allSatisfy { name in
                !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255 && !name.utf8.contains(0)
                    && !name.has("/")
            }
    }

    /// What is decoded becomes a path or a part of one, which holds no NUL.
    private static func decoded(_ text: Substring, _ shown: String) throws(Failure) -> String {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            let digits = [rest.popFirst(), rest.popFirst()].compactMap { $0 }
            guard digits.count == 2, let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16) else {
                throw refusal(shown, "a percent sign is not followed by two hexadecimal digits")
            }
            bytes.append(value)
        }
        guard !bytes.contains(0) else { throw refusal(shown, "one of its percent signs means NUL") }
        guard let decoded = String(validating: bytes, as: UTF8.self) else { throw refusal(shown, "it is not UTF-8") }
        return decoded
    }

    private static func refusal(
        _ shown: String, _ cause: String, remedy: String = "correct the address", field: String = "value"
    ) -> Failure {
        Failure(
            "fetch.address", doing: "fetch", on: shown, cause: cause, remedy: remedy, field: "command.uris.\(field)")
    }
}
