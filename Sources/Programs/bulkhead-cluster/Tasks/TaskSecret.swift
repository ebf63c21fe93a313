import ClusterModel
import CommandOutput
import Containers
import Diagnostics

/// `--secret NAME[/KEY][:env=VAR|:file=PATH]`: a secret by its name; what it is never passes through here.
struct TaskSecret {
    private enum Place {
        case variable(String)
        case file(String)
    }
    private let name: String
    private let key: String?
    private let place: Place

    init(_ text: String) throws(Failure) {
        let parts = text.cut(at: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let words = parts[0].cut(at: "/", omittingEmptySubsequences: false).map(String.init)
        guard (1...2).contains(words.count), words.allSatisfy(SecretRequest.isName) else {
            throw Self.invalid(text, "a secret's name is letters, digits, '.', '_' and '-'")
        }
        name = words[0]
        key = words.count == 2 ? words[1] : nil
        guard parts.count == 2 else {
            place = .file("/run/secrets/" + (words.last ?? ""))
            return
        }
        let (kind, value) = (parts[1].prefix { $0 != "=" }, parts[1].drop { $0 != "=" }.dropFirst())
        switch kind {
        case "env" where !value.isEmpty && !value.has("="): place = .variable(String(value))
        case "file" where value.begins(with: "/"): place = .file(String(value))
        default: throw Self.invalid(text, "behind the name is neither env=VARIABLE nor file=/PATH")
        }
    }

    var variable: CommandSpec.EnvironmentVariable? {
        guard case .variable(let variable) = place else { return nil }
        return CommandSpec.EnvironmentVariable(variable, .secret(name: name, key: key))
    }

    var file: VolumeMount? {
        guard case .file(let path) = place else { return nil }
        return VolumeMount(containerPath: path, mode: .readOnly, source: .secret(.reference(name: name, key: key)))
    }

    private static func invalid(_ text: String, _ cause: String) -> Failure {
        .flag("secret", text, cause: cause, remedy: "write for example db-password:env=PASSWORD or tls/key:file=/k.pem")
    }
}
