import AuditTrail
import Containers
import Diagnostics
import LinuxKernel

/// What the audit log says of a launch, an exec and a refusal. No environment and no arguments: they may be secret.
struct LaunchTrail: Sendable {
    private let ledger: AuditLedger

    init(log: AuditLog) { ledger = AuditLedger(log) }

    func launching(_ request: ContainerRequest) throws(Failure) {
        var details = container(request)
        details["image"] = request.image.reference
        details["digest"] = request.image.digest
        if let trust = request.image.trust {
            details["imagePolicy"] = trust.policy
            details["imageKeys"] = trust.isSigned ? trust.keys.joined(separator: ", ") : "unsigned"
        }
        let overrides = Self.overrides(of: request)
        if !overrides.isEmpty { details["overrides"] = overrides.joined(separator: ", ") }
        try ledger.append("launch", details)
    }

    func entering(_ request: ContainerRequest, _ process: ProcessRequest) throws(Failure) {
        var details = container(request)
        details["program"] = process.arguments.first
        details["user"] = "\(process.uid):\(process.gid)"
        // A health check is the same entry every time.
        try ledger.append("exec", details, distinct: ["container", "user", "program"])
    }

    /// The refusal itself is what the caller must hear, with what failed here beside it.
    func refused(_ failure: Failure, _ request: ContainerRequest) -> Failure {
        var details = container(request)
        details["code"] = failure.code.rawValue
        details["message"] = failure.description
        details["field"] = failure.field
        let distinct = ["framework", "executor", "task", "code"]
        do throws(Failure) { try ledger.append("refusal", details, distinct: distinct) } catch {
            return failure.code == error.code ? failure : failure.also(error)
        }
        return failure
    }

    /// Writes what was counted only, before the process ends.
    func settle() throws(Failure) { try ledger.settle() }

    private func container(_ request: ContainerRequest) -> [String: String] {
        var details = ["container": request.id.text, "name": request.name, "caller": "\(HostFacts.processID())"]
        for word in ["task", "executor", "framework"] { details[word] = request.labels["bulkhead.\(word)"] }
        return details
    }

    /// Every wall that is weaker than the default because the request says so, as the flag that asks for it.
    static func overrides(of request: ContainerRequest) -> [String] {
        let isolation = request.isolation
        var overrides: [String] = []
        if isolation.network == .host { overrides.append("--network host") }
        if isolation.sharesWithContainer { overrides.append("--network container") }
        let extra = CapabilitySet(rawValue: isolation.capabilities).subtracting(.rootDefault)
        overrides += extra.names.map { "--cap-add \($0)" }
        if !isolation.noNewPrivileges { overrides.append("--security-opt no-new-privileges=false") }
        if isolation.seccomp == .unconfined { overrides.append("--security-opt seccomp=unconfined") }
        if case .profile(let name, _) = isolation.seccomp { overrides.append("--security-opt seccomp=\(name)") }
        overrides += (isolation.emulated ?? []).map { "--emulate \($0.rawValue)" }
        if !Set(isolation.maskedPaths).isSuperset(of: DefaultPaths.masked)
            || !Set(isolation.readOnlyPaths).isSuperset(of: DefaultPaths.readOnly)
        {
            overrides.append("--security-opt systempaths=unconfined")
        }
        overrides += isolation.devices.map { "--device \($0.path)" }
        overrides += isolation.allowedUnenforced.map { "--allow-unenforced \($0)" }
        if isolation.oomScore < 0 { overrides.append("--oom-score-adj \(isolation.oomScore)") }
        if request.limits.pids == nil { overrides.append("--pids-limit -1") }
        return overrides
    }
}
