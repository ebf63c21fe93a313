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
                let thread = descriptor.thread.map { "task/\($0)/" } ?? ""
                return Evidence(
                    descriptor.target + mount,
                    source: "/proc/\(descriptor.process)/\(thread)\(isNumber ? "fd/" : "")\(descriptor.name)")
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
        descriptor.kind == "device 1:3" || descriptor.kind.begins(with: "device 136:")
    }

    private static let files = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-113", "No file that is open or mapped is one of the host's", .medium,
            risk: "What is open or mapped can be read or written, whatever the mounts say.",
            remedy: "find out who gave it to the process; close descriptors before starting containers",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.1"], attack: ["T1611"]))
    ) { facts in
        answer(facts, found: "files of the host are open", none: "no file of the host is open") {
            $0.isInside == false && !isPlace($0) && !["directory", "process", "namespace"].contains($0.kind)
                && !isStream($0)
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

    /// Kernel objects without a file that programs use for themselves. Whatever else the kernel may come to have is not
    /// harmless because nobody here knows it.
    private static let harmless: Set = [
        "[eventfd]", "[eventpoll]", "[signalfd]", "[timerfd]", "inotify", "[landlock-ruleset]", "sync_file",
    ]

    private static func isPowerful(_ descriptor: DescriptorFacts) -> Bool {
        // Whoever holds another process can end it and take its descriptors; a namespace can be entered.
        if ["process", "namespace"].contains(descriptor.kind) { return descriptor.isInside == false }
        let mark = "anon_inode:"
        guard descriptor.target.begins(with: mark) else { return false }
        return !harmless.contains(String(descriptor.target.dropFirst(mark.count)))
    }

    private static let powers = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-112", "No descriptor is an object of the kernel with powers of its own", .medium,
            risk: "BPF programs, page-fault handlers and rings reach deep into the kernel; by a descriptor of a "
                + "process or a namespace of the host it can be signalled, emptied or entered.",
            remedy: "find out who gave it to the process, and refuse the call that makes it",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1068"]))
    ) { facts in
        answer(facts, found: "descriptors are such objects", none: "none is", where: isPowerful)
    }
}
