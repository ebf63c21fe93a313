import Auditing
import LinuxKernel

/// What the loaded SELinux policy makes of the labels of a container's threads. The kernel is asked, so that it does
/// not matter what a policy calls its domains.
enum DomainObserver {
    /// Nil where SELinux is not active.
    static func mode() -> PolicyMode? {
        switch SELinux.state() {
        case .absent: nil
        case .hidden: .hidden
        case .empty: .empty
        case .permissive: .permissive
        case .enforcing: .enforcing
        }
    }

    private struct Deed {
        var name: String
        var permission: String
        var kind: String
        var target: String
    }

    static func domains(_ processes: [TaskFacts]) -> Observed<[DomainFacts]> {
        let labels = Set(processes.filter { !$0.isInit }.flatMap { $0.threads.compactMap(\.label) }).sorted()
        do throws(KernelError) {
            let deeds = try hostDeeds()
            var domains: [DomainFacts] = []
            for label in labels where !label.isEmpty { domains.append(try domain(label, deeds)) }
            return .seen(domains)
        } catch {
            return .hidden("SELinux cannot be asked: \(error)")
        }
    }

    /// What no domain of containers is allowed in any policy that has them.
    private static func hostDeeds() throws(KernelError) -> [Deed] {
        let kernel = try SELinux.initialLabel("kernel")
        var deeds = [
            Deed(name: "load a policy", permission: "load_policy", kind: "security", target: try security()),
            Deed(name: "turn the policy off", permission: "setenforce", kind: "security", target: try security()),
            Deed(name: "load kernel modules", permission: "module_load", kind: "system", target: kernel),
            Deed(name: "trace the host's processes", permission: "ptrace", kind: "process", target: kernel),
        ]
        if let file = try SELinux.label(of: "/etc/passwd") {
            deeds.append(Deed(name: "write files of the host", permission: "write", kind: "file", target: file))
        }
        return deeds
    }

    private static func security() throws(KernelError) -> String { try SELinux.initialLabel("security") }

    private static func domain(_ label: String, _ deeds: [Deed]) throws(KernelError) -> DomainFacts {
        var facts = DomainFacts(label)
        for deed in deeds {
            let answer = try SELinux.decision(label, may: deed.permission, deed.kind, deed.target)
            guard let answer else { continue }
            if answer.isPermissive { facts.isPermissive = true }
            if answer.isAllowed { facts.deeds.append(deed.name) }
        }
        return facts
    }
}
