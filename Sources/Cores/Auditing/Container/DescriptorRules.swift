import AuditFormat

/// What processes hold open, and where they stand.
enum DescriptorRules {
    static let all: [Inquiry<ContainerFacts>] = [leaks, files, places, powers]

    private static func answer(
        _ facts: ContainerFacts, found: String, none: String, where wrong: (DescriptorFacts) -> Bool
    ) -> Answer {
        if facts.namespaces.value?.contains(where: { $0.kind == "mnt" && $0.isHost }) ?? false {
            return .notApplicable("it has no mount namespace of its own, which BH-CON-005 is about")
        }
        // Our init keeps the log and the exit record open; nothing inside may look at it.
        let own = Set((facts.processes.value ?? []).filter(\.isInit).map(\.id))
        return facts.descriptors.ask { descriptors in
            let evidence = descriptors.filter { !own.contains($0.process) && wrong($0) }.map { descriptor in
                let mount = descriptor.mount.map { ", mount \($0)" } ?? ""
                let isNumber = descriptor.name.allSatisfy(\.isNumber)
                return Evidence(
                    descriptor.target + mount,
                    source: "/proc/\(descriptor.process)/\(isNumber ? "fd/" : "")\(descriptor.name)")
            }
            return .findings(evidence, found: { "\($0) \(found)" }, none: none)
        }
    }

    private static func isPlace(_ descriptor: DescriptorFacts) -> Bool { ["cwd", "root"].contains(descriptor.name) }

    private static let leaks = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-110", "No open directory leads out of the container's mounts", .critical,
            risk: "An open directory of the host is a way to every file of the host (CVE-2024-21626).",
            remedy: "end the container, and update what started it", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1611"]))
    ) { facts in
        answer(facts, found: "directories lead outside", none: "every directory is inside") {
            $0.isInside == false && !isPlace($0) && $0.kind == "directory"
        }
    }

    /// What a runtime usually gives a container from outside: the null device and the caller's terminal.
    private static func isStream(_ descriptor: DescriptorFacts) -> Bool {
        descriptor.kind == "device 1:3" || descriptor.kind.hasPrefix("device 136:")
    }

    private static let files = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-113", "No open file is one of the host's", .medium,
            risk: "What is open can be read or written, whatever the mounts say.",
            remedy: "find out who gave it to the process; close descriptors before starting containers",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1611"]))
    ) { facts in
        answer(facts, found: "files of the host are open", none: "no file of the host is open") {
            $0.isInside == false && !isPlace($0) && $0.kind != "directory" && !isStream($0)
        }
    }

    private static let places = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-111", "No process stands in a directory outside the container", .critical,
            risk: "Names that begin with .. lead to every file of the host (CVE-2024-21626).",
            remedy: "end the container, and update what started it", profiles: [.standard, .nist800190],
            mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1611"]))
    ) { facts in
        answer(facts, found: "processes stand outside", none: "every process stands inside") {
            $0.isInside == false && isPlace($0)
        }
    }

    /// Kernel objects that a container has no business to hold.
    private static let powerful = [
        "anon_inode:bpf-prog", "anon_inode:bpf-map", "anon_inode:[perf_event]", "anon_inode:[userfaultfd]",
        "anon_inode:kvm-vm", "anon_inode:kvm-vcpu", "anon_inode:seccomp notify", "anon_inode:[fscontext]",
        "anon_inode:[io_uring]",
    ]

    private static let powers = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-112", "No descriptor is an object of the kernel with powers of its own", .medium,
            risk: "BPF programs, performance counters, page-fault handlers and rings reach deep into the kernel.",
            remedy: "find out who gave it to the process, and refuse the call that makes it",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1068"]))
    ) { facts in
        answer(facts, found: "descriptors are such objects", none: "none is") { descriptor in
            powerful.contains { descriptor.target.hasPrefix($0) }
        }
    }
}
