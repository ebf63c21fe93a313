import CommandOutput
import Containers
import Diagnostics

/// `--secret name=NAME,source=file:PATH|env:VARIABLE|inline:VALUE[,target=PATH][,env=VARIABLE][,uid=][,gid=][,mode=]`.
/// Of a value that is wrong no message shows more than its name.
struct SecretFlag {
    /// What a relative path is relative to.
    var directory: String
    /// Looks a variable of ours up.
    var ours: (String) -> String?
    var readFile: (String) throws(Failure) -> [UInt8]

    private static let inline = "inline:"
    private static let known: Set<String> = ["name", "source", "target", "env", "uid", "gid", "mode"]
    private static let remedy =
        "write name=NAME,source=file:PATH, or env:VARIABLE, or as the last field source=inline:VALUE"

    func request(_ text: String) throws(Failure) -> SecretRequest {
        let fields = try Self.fields(of: text)
        let name = fields["name"] ?? ""
        guard !name.isEmpty, name.utf8.count <= 255, !name.begins(with: "."),
            name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) })
        else {
            throw .flag(
                "secret", name, cause: "a secret's name is letters, digits, '.', '_' and '-'",
                remedy: Self.remedy)
        }
        guard let source = fields["source"] else {
            throw .flag("secret", name, cause: "it has no source", remedy: Self.remedy)
        }
        let (origin, value) = try read(source, of: name)
        let target = fields["target"] ?? (fields["env"] == nil ? "/run/secrets/" + name : nil)
        return SecretRequest(
            name: name, source: origin, target: target, variable: fields["env"],
            uid: try Self.id(fields["uid"]), gid: try Self.id(fields["gid"]),
            mode: try fields["mode"].map { mode throws(Failure) in try FileMode.parse(mode, flag: "secret") } ?? 0o400,
            value: value)
    }

    /// An inline value is the rest of the text: it may hold anything, commas too.
    private static func fields(of text: String) throws(Failure) -> [String: String] {
        var fields: [String: String] = [:]
        var rest = text[...]
        while !rest.isEmpty {
            let isLast = rest.begins(with: "source=" + inline)
            let field = isLast ? rest : rest.prefix { $0 != "," }
            rest = rest.dropFirst(field.count + (isLast ? 0 : 1))
            let pair = field.cut(at: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard pair.count == 2, known.contains(pair[0]) else {
                // Not shown: it may be a part of the value.
                throw .flag(
                    "secret", fields["name"] ?? "", cause: "one of its fields is not known",
                    remedy: "known are \(known.sorted().joined(separator: ", ")); source=inline:VALUE comes last")
            }
            guard fields.updateValue(pair[1], forKey: pair[0]) == nil else {
                throw .flag("secret", fields["name"] ?? "", cause: "it has \(pair[0]) twice")
            }
        }
        return fields
    }

    private func read(_ source: String, of name: String) throws(Failure) -> (SecretRequest.Source, SecretValue) {
        if source.begins(with: Self.inline) {
            return (.inline, SecretValue(Array(source.utf8.dropFirst(Self.inline.utf8.count))))
        }
        if source.begins(with: "file:") {
            let path = HostPath.absolute(String(source.dropFirst(5)), in: directory)
            return (.file(path), SecretValue(try readFile(path)))
        }
        if source.begins(with: "env:") {
            let variable = String(source.dropFirst(4))
            guard let value = ours(variable) else {
                throw .flag(
                    "secret", name, cause: "the variable '\(variable)' is not in our environment",
                    remedy: "export it first, or read a file")
            }
            return (.environment(variable), SecretValue(Array(value.utf8)))
        }
        throw .flag("secret", name, cause: "its source is none that is known", remedy: Self.remedy)
    }

    private static func id(_ text: String?) throws(Failure) -> UInt32? {
        guard let text else { return nil }
        return UInt32(try WholeNumber.parse(text, flag: "secret", in: 0...4_294_967_294))
    }
}
