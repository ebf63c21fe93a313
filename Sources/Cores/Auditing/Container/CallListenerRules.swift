import AuditFormat

/// Calls that a filter hands to somebody who answers them in the kernel's place.
enum CallListenerRules {
    static let all: [Inquiry<ContainerFacts>] = [listened]

    /// More calls of one filter than these are not named one by one.
    private static let namedMax = 8

    private static let listened = Inquiry<ContainerFacts>(
        AuditRule(
            "BH-CON-044", "Calls are handed to a listener only where that was asked for, and it is there", .medium,
            risk: "Who listens decides what calls do, and sees their arguments; without it they fail with ENOSYS.",
            remedy: "find out who installed the filter; start the container again when bulkhead-emulate has ended",
            profiles: [.standard, .nist800190], mappings: RuleMappings(nist: ["4.4.3"], attack: ["T1611"]))
    ) { facts in
        facts.filters.ask { filters in
            let handed = filters.filter { $0.handed?.isEmpty == false }
            if handed.isEmpty, facts.emulators == nil { return .pass("no call is handed to anybody") }
            guard let holders = facts.callHolders else { return .unknown("nobody looked for listeners") }
            return holders.ask { holders in
                if let emulators = facts.emulators { return emulators.ask { answered(facts, by: $0, holders) } }
                return unasked(facts, handed, holders)
            }
        }
    }

    /// A container whose calls were to be answered by a process of ours.
    private static func answered(
        _ facts: ContainerFacts, by emulators: [Int32], _ holders: [CallHolderFacts]
    ) -> Answer {
        let declared = facts.declared?.emulated?.joined(separator: ", ")
        guard let emulator = emulators.first else {
            return .found(
                "its emulator has ended, so what it would answer fails with ENOSYS",
                [Evidence("no process", source: "emulator.process", declared: declared)])
        }
        let held = holders.filter { $0.process == emulator }
        if held.isEmpty {
            return .found(
                "its emulator holds no listener, so what it would answer fails with ENOSYS",
                [Evidence("no listener", source: "/proc/\(emulator)/fd", declared: declared)])
        }
        return .pass("its emulator listens", held.map(evidence))
    }

    private static func unasked(
        _ facts: ContainerFacts, _ filters: [FilterFacts], _ holders: [CallHolderFacts]
    ) -> Answer {
        let evidence = filters.map { filter in
            let calls = filter.handed ?? []
            return Evidence(
                calls.prefix(namedMax).joined(separator: ", ") + (calls.count > namedMax ? " and others" : ""),
                source: "PTRACE_SECCOMP_GET_FILTER of thread \(filter.threads.first ?? 0)",
                declared: facts.declared == nil ? nil : "none")
        }
        if holders.isEmpty {
            return .found("calls are handed to a listener that nobody holds any more, and fail with ENOSYS", evidence)
        }
        // Which filter a listener is of, the kernel does not tell: these are all that there are.
        let known = evidence + holders.map(self.evidence)
        if facts.declared != nil { return .found("calls are handed to a listener that nobody asked for", known) }
        return .pass("calls are handed over, and there are listeners; nobody declared which", known)
    }

    private static func evidence(_ holder: CallHolderFacts) -> Evidence {
        Evidence(
            "\(holder.name) listens, \(holder.isInside ? "inside" : "outside")",
            source: "/proc/\(holder.process)/fd/\(holder.descriptor)")
    }
}
