import SeccompFormat

/// Docs/Seccomp.md, made from the tables.
enum SeccompDocument {
    static var text: String {
        let counts = DefaultTable.groups.reduce(into: (allowed: 0, judged: 0, refused: 0)) { counts, group in
            counts.allowed += group.allowed.count
            counts.judged += group.decisions.filter { !$0.answers.isEmpty }.count
            counts.refused += group.decisions.filter(\.answers.isEmpty).count
        }
        return """
            # System call filters

            This page is made from the tables in `Sources/Formats/SeccompFormat`; a test fails when it differs.
            To make it again: `BULKHEAD_REGENERATE=1 swift test --filter SeccompDocumentTests`.

            ## The default profile

            \(counts.allowed) calls are allowed whatever their arguments, \(counts.judged) depend on their arguments, \
            \(counts.refused) are refused with an errno of their own.
            Any other call answers ENOSYS, as on an older kernel, so that programs fall back. Calls of another ABI (i386
            and x32 on x86-64, arm on arm64) kill the process: they have other numbers and reach other code, and
            `socketcall` hides its arguments from every filter.

            "Opened by" names the capabilities with which the call is allowed whatever its arguments, those of
            Docker's profile: asking for the capability asks for its calls, and the kernel checks it against the
            container's user namespace.

            Docker's default profile (2026) allows a few things that this one refuses: i386 and x32, socket families
            beside unix, IPv4, IPv6 and netlink's route protocol, `socketpair` of other families, `modify_ldt`,
            `process_vm_readv` and `process_vm_writev`, TIOCSTI, TIOCLINUX and TIOCSETD. It answers EPERM to calls it
            does not know.

            \(DefaultTable.groups.map(section).joined(separator: "\n\n"))

            ## The strict profile

            As the default profile, but:

            \(table(DefaultTable.strictChanges))

            ## The filter of the container's init

            Any other call answers ENOSYS.

            \(InitFilter.groups.map(section).joined(separator: "\n\n"))

            ## The filter of the unpacker

            Any other call answers ENOSYS.

            \(UnpackerFilter.groups.map(section).joined(separator: "\n\n"))

            ## The filter of the verifier

            Any other call answers ENOSYS.

            \(VerifierFilter.groups.map(section).joined(separator: "\n\n"))

            ## Profiles of your own

            `--security-opt seccomp=FILE` takes Docker's format and the `linux.seccomp` object of the OCI runtime
            specification. What our compiler does with them:

            - A key, action, comparison, architecture or capability it does not know is refused by name. A
              call it does not know is left out and named in a note, because profiles list calls newer than the host.
            - For one call the first rule whose conditions hold decides; rules without conditions come last.
              (libseccomp drops the conditions in that case.)
            - A rule without conditions that repeats the default action is left out, as runc does.
            - Conditions that name one argument more than once are alternatives, as in runc and crun.
            - A call of an ABI that is not listed kills the process; runc kills the thread.
            - On i386, rules about `socket`, `semget` and the like mean the calls of that name. `socketcall` and
              `ipc` are open only when they are named.

            """
    }

    private static func section(_ group: CallGroup) -> String {
        var parts = ["### \(group.title)", group.why]
        if !group.allowed.isEmpty { parts.append("Allowed: " + group.allowed.map { "`\($0)`" }.joined(separator: " ")) }
        if !group.decisions.isEmpty { parts.append(table(group.decisions)) }
        return parts.joined(separator: "\n\n")
    }

    private static func table(_ decisions: [CallDecision]) -> String {
        let rows = decisions.map { decision in
            let answers = decision.answers.map { answer in
                "\(answer.action) when \(answer.conditions.map(\.description).joined(separator: " and "))"
            }
            let answer = (answers + [answers.isEmpty ? "\(decision.otherwise)" : "otherwise \(decision.otherwise)"])
                .joined(separator: ", ")
            let opened = decision.openedBy.map { String($0.name.dropFirst("CAP_".count)) }.joined(separator: " ")
            return "| `\(decision.call)` | \(answer) | \(opened) | \(decision.reason) |"
        }
        return (["| call | answer | opened by | why |", "| --- | --- | --- | --- |"] + rows).joined(separator: "\n")
    }
}
