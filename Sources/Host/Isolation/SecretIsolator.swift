import Containers
public import Diagnostics
public import LaunchPlanning

/// Secrets: files in memory that no swap ever holds, mounted in the container only and read-only, and variables that
/// are in the plan's last step and nowhere else (Docs/Decisions/0111).
public struct SecretIsolator: Isolator {
    public let name = "secrets"
    public init() {}

    public func prepare(_ context: LaunchContext) throws(Failure) -> PlanContribution {
        let request = context.request
        var contribution = PlanContribution(isolator: name)
        let secrets = request.secrets ?? []
        try Self.check(secrets, of: request)
        for (number, secret) in secrets.enumerated() {
            guard let target = secret.target else { continue }
            let tree = DescriptorName("secret:\(number)")
            contribution.open(
                tree,
                .secretFile(
                    name: secret.name, value: secret.value, uid: secret.uid ?? request.process.uid,
                    gid: secret.gid ?? request.process.gid, mode: secret.mode))
            contribution.add(.attach(tree: tree, target: target, kind: .file, resolve: .create), at: .volumes)
        }
        return contribution
    }

    /// The task's environment with its secrets. They are added when the plan is made, so that no record has them.
    static func environment(_ request: ContainerRequest) throws(Failure) -> [String] {
        var environment = request.process.environment
        for secret in request.secrets ?? [] {
            guard let variable = secret.variable, !secret.value.isAbsent else { continue }
            let text = try secret.value.reveal { bytes throws(Failure) in
                guard !bytes.contains(0), let text = String(validating: bytes, as: UTF8.self) else {
                    throw bad(
                        secret, "it is not text, so it cannot be a variable", remedy: "give it as a file, with target=")
                }
                return text
            }
            environment.removeAll { $0.before("=") == variable }
            environment.append("\(variable)=\(text)")
        }
        return environment
    }

    private static func check(_ secrets: [SecretRequest], of request: ContainerRequest) throws(Failure) {
        guard secrets.count <= SecretRequest.countMax else {
            throw Failure(
                "secret.too-many", doing: "give the task its secrets", cause: "there are \(secrets.count)",
                field: "secret", limit: "secrets \(SecretRequest.countMax)")
        }
        var targets = Set(request.mountsInOrder.map { TargetPath($0.target) })
        for secret in secrets {
            if let problem = problem(of: secret, request) { throw bad(secret, problem) }
            guard let target = secret.target else { continue }
            try VolumeIsolator.check(target, flag: "secret")
            guard targets.insert(TargetPath(target)).inserted else {
                throw bad(secret, "two mounts have its target \(Untrusted.shown(target))")
            }
        }
    }

    private static func problem(of secret: SecretRequest, _ request: ContainerRequest) -> String? {
        let ids = request.isolation.identities.count
        if secret.value.count > SecretRequest.bytesMax { return "it has more than \(SecretRequest.bytesMax) bytes" }
        if secret.target == nil, secret.variable == nil { return "it goes nowhere: neither a file nor a variable" }
        if secret.mode > 0o777 { return "its mode is not permission bits" }
        if let uid = secret.uid, uid >= ids { return "user \(uid) does not exist in the container" }
        if let gid = secret.gid, gid >= ids { return "group \(gid) does not exist in the container" }
        guard let variable = secret.variable else { return nil }
        let isName = !variable.isEmpty && !variable.utf8.contains { $0 == 0x3d || $0 == 0 }
        return isName ? nil : "'\(Untrusted.shown(variable))' cannot be a variable's name"
    }

    private static func bad(_ secret: SecretRequest, _ cause: String, remedy: String? = nil) -> Failure {
        Failure(
            "secret.bad", doing: "give the task its secret", on: secret.name, cause: cause, remedy: remedy,
            field: "secret")
    }
}
