import ClusterModel
import Containers
import Diagnostics

/// Secrets of tasks and executors: as files in memory and as variables. By value they go from the master's message to
/// the container and are written down nowhere; by reference they are looked up when the container is launched.
extension TaskLaunch {
    func secrets(of draft: Draft) throws(Failure) -> [SecretRequest] {
        guard !draft.isHold else { return [] }
        var secrets: [SecretRequest] = []
        for variable in draft.command.environment where variable.isSecret {
            secrets.append(try secret(variable))
        }
        for (index, mount) in (draft.container?.volumes ?? []).enumerated() {
            guard case .secret(let secret) = mount.source else { continue }
            let field = "container.volumes[\(index)]"
            guard mount.mode == .readOnly else {
                throw refusal(
                    "launch.secret", "a secret cannot be written to", remedy: "mount it with mode RO",
                    field: field + ".mode")
            }
            var request = try request(secret, name: "volume-\(index)", field: field + ".source.secret")
            request.target = try target(mount.containerPath, field: field)
            secrets.append(request)
        }
        guard secrets.count <= SecretRequest.countMax else {
            throw refusal(
                "launch.secret", "it has \(secrets.count) secrets, and may have \(SecretRequest.countMax)",
                remedy: "put several into one", field: "command.environment")
        }
        return secrets
    }

    /// Where its secrets are files.
    func secretTargets(of draft: Draft) throws(Failure) -> [String] { try secrets(of: draft).compactMap(\.target) }

    private func secret(_ variable: CommandSpec.EnvironmentVariable) throws(Failure) -> SecretRequest {
        let field = "command.environment"
        guard !variable.name.isEmpty, !variable.name.utf8.contains(0x3d), !variable.name.utf8.contains(0) else {
            throw refusal(
                "launch.environment", "a variable's name is not empty and has no '='", remedy: "correct the name",
                field: field)
        }
        var request: SecretRequest
        switch variable.value {
        case .secret(let name, let key):
            request = try self.request(.reference(name: name, key: key), name: variable.name, field: field)
        case .secretBytes(let bytes):
            request = try self.request(.bytes(bytes), name: variable.name, field: field)
        case .text: throw refusal("launch.secret", "it is none", field: field)
        }
        request.variable = variable.name
        return request
    }

    /// Of a secret that is refused nothing but its name is said.
    private func request(_ secret: Secret, name: String, field: String) throws(Failure) -> SecretRequest {
        switch secret {
        case .bytes(let bytes):
            guard bytes.count <= SecretRequest.bytesMax else {
                throw refusal(
                    "launch.secret", "the secret '\(name)' has more than \(SecretRequest.bytesMax) bytes", field: field)
            }
            return SecretRequest(name: name, source: .inline, target: nil, value: SecretValue(bytes))
        case .reference(let reference, let key):
            for word in [reference, key].compactMap({ $0 }) where !SecretRequest.isName(word) {
                throw refusal(
                    "launch.secret", "a secret's name is 1 to 255 letters, digits, '.', '_' and '-', the first no '.'",
                    remedy: "name it as the agent's operator does", field: field)
            }
            return SecretRequest(
                name: reference, source: .reference(name: reference, key: key), target: nil, value: .absent)
        }
    }

    /// A probe's command runs beside the task: what it has in its environment is nobody's to look up later, and nothing
    /// is fetched for it.
    func checkProbes(of spec: TaskSpec) throws(Failure) {
        for (probe, field) in [(spec.healthCheck?.probe, "health_check"), (spec.check?.probe, "check.command")] {
            guard case .command(let command)? = probe else { continue }
            if command.environment.contains(where: \.isSecret) {
                throw refusal(
                    "launch.secret", "a check's command is given no secrets of its own",
                    remedy: "have it read a file the task was given", field: "\(field).command.environment")
            }
            if !command.fetches.isEmpty {
                throw refusal(
                    "launch.check", "nothing is fetched for a check's command",
                    remedy: "name it in the task's own uris", field: "\(field).command.uris")
            }
            if let name = command.unused.first {
                throw refusal(
                    "launch.unused", "nothing would come of \(name) beside its other members",
                    remedy: "leave it out", field: "\(field).command.\(name)")
            }
        }
    }
}

extension CommandSpec.EnvironmentVariable {
    var isSecret: Bool {
        if case .text = value { return false }
        return true
    }
}
