import AuditFormat
import Diagnostics

/// The system call filters, as they were read back from the kernel.
enum SeccompRules {
    static let all: [Inquiry<ContainerFacts>] = [present, asPlanned, dangerous, foreign]

    private static let podFilter = ["baseline: Seccomp", "restricted: Seccomp"]

    private static let present = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-040", "A system call filter is on every thread", .high,
            risk: "Every call of the kernel is within reach; most holes start with one that containers never need.",
            remedy: "leave --security-opt seccomp=unconfined out", override: "--security-opt seccomp=unconfined",
            profiles: [.standard, .cisDocker5, .podBaseline, .podRestricted, .nist800190],
            mappings: RuleMappings(cis: ["5.22"], pss: podFilter, nist: ["4.4.3"], attack: ["T1611", "T1068"]))
    ) { facts in
        facts.processes.ask { processes in
            let found = PrivilegeRules.evidence(processes, "status Seccomp", declared: facts.declared?.seccomp) {
                $1.seccompMode == 0 ? "0" : nil
            }
            return .findings(
                found, asked: facts.declared?.seccomp == "unconfined",
                found: { _ in "there are threads without a filter" }, none: "every thread has one")
        }
    }

    private static let asPlanned = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-041", "The filter in the kernel answers every call as planned", .high,
            risk: "The walls are not those the plan says, whoever changed them.",
            remedy: "start the container again and compare; then look at what made it",
            profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        guard facts.declared != nil else { return .notApplicable("nobody declared a filter") }
        return facts.filters.ask { filters in
            let known = filters.filter { $0.differences != nil }
            if known.isEmpty { return .notApplicable("no filter was planned") }
            let evidence = known.flatMap { filter in
                (filter.differences ?? []).map {
                    Evidence($0, source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)")
                }
            }
            let compared = known.map(\.compared).min() ?? 0
            let hashes = known.map { filter in
                let count = filter.instructions.reduce(0, +)
                return Evidence(
                    "sha256:\(filter.programs.joined(separator: " ")), \(count) instructions",
                    source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)")
            }
            if evidence.isEmpty { return .pass("\(compared) calls of three ABIs answer as planned", hashes) }
            return .found("\(evidence.count) calls answer otherwise", evidence)
        }
    }

    private static let dangerous = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-042", "The filter refuses the kernel's most dangerous calls", .medium,
            risk: "Modules, mounts, BPF, key rings and the like are where most escapes of the last years began.",
            remedy: "use the default profile, or take these calls out of yours",
            override: "--security-opt seccomp=FILE, or a capability that opens the call",
            profiles: [.standard, .cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.22"], nist: ["4.4.3"], attack: ["T1611", "T1068"]))
    ) { facts in
        facts.filters.ask { filters in
            if filters.isEmpty { return .notApplicable("there is no filter, which BH-CON-040 is about") }
            let evidence = filters.filter { !$0.dangerous.isEmpty }.map { filter in
                Evidence(
                    filter.dangerous.joined(separator: " "),
                    source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)",
                    declared: facts.declared?.seccomp)
            }
            let asked =
                facts.declared.map {
                    $0.seccomp != "standard" || $0.capabilities & ~CapabilitySet.rootDefault.rawValue != 0
                } ?? false
            return .findings(
                evidence, asked: asked, found: { _ in "dangerous calls are allowed whatever their arguments" },
                none: "none of them is allowed")
        }
    }

    private static let foreign = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-043", "Calls of other ABIs are refused", .low,
            risk: "i386 and x32 calls have other numbers and reach other code; socketcall hides its arguments from "
                + "every filter.",
            remedy: "use the default profile, or take the ABIs out of yours",
            override: "--security-opt seccomp=FILE", profiles: [.standard],
            mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1068"]))
    ) { facts in
        facts.filters.ask { filters in
            if filters.isEmpty { return .notApplicable("there is no filter, which BH-CON-040 is about") }
            let evidence = filters.flatMap { filter in
                filter.allowed.sorted { $0.key < $1.key }.filter { $0.key != "native" && $0.value > 0 }.map {
                    Evidence(
                        "\($0.value) calls of \($0.key)",
                        source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)")
                }
            }
            let asked = facts.declared?.seccomp.begins(with: "profile") ?? false
            return .findings(
                evidence, asked: asked, found: { _ in "calls of other ABIs are allowed" }, none: "every one is refused")
        }
    }
}
