import AuditFormat

/// What an image brings along.
enum ImageRules {
    static let all: [Inquiry<ImageFacts>] = [
        root, setuid, capabilities, devices, worldWritable, secretFiles, secretVariables, remoteShell, healthcheck,
        pinned, signed,
    ]

    private static let standard: [AuditProfile] = [.standard, .nist800190]

    private static func files(
        _ rule: AuditRule, _ kinds: Set<ImageFacts.File.Kind>, found: @escaping @Sendable (Int) -> String, none: String
    ) -> Inquiry<ImageFacts> {
        Inquiry(rule) { facts in
            facts.files.ask { files in
                let evidence = files.filter { kinds.contains($0.kind) }.map {
                    Evidence("\($0.path) \($0.detail)", source: "the image's layers")
                }
                return .findings(evidence, found: found, none: none)
            }
        }
    }

    private static let root = Inquiry<ImageFacts>(
        AuditRule(
            "BH-IMG-001", "The image names a user other than root", .low,
            risk: "Every wall is tried with the most rights there are inside.", remedy: "set USER in the image",
            profiles: [.cisDocker5, .podRestricted, .nist800190],
            mappings: RuleMappings(
                cis: ["4.1"], pss: ["restricted: Running as Non-root"], nist: ["4.1.2"], attack: ["T1068"]))
    ) { facts in
        let name = facts.user.cut(at: ":").first.map(String.init) ?? ""
        let evidence = Evidence(facts.user.isEmpty ? "none" : facts.user, source: "the image's configuration, User")
        return ["", "0", "root"].contains(name)
            ? .found("it runs as root", [evidence]) : .pass("it runs as \(facts.user)", [evidence])
    }

    private static let setuid = files(
        AuditRule(
            "BH-IMG-002", "No file of the image is setuid or setgid", .low,
            risk: "Under a runtime without no_new_privs each is a way to its owner's rights.",
            remedy: "remove the bits when the image is built: chmod a-s", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["4.8"], nist: ["4.1.2"], attack: ["T1548"])), [.setuid, .setgid],
        found: { "\($0) files are setuid or setgid" }, none: "no file is")

    private static let capabilities = files(
        AuditRule(
            "BH-IMG-003", "No file of the image has capabilities", .low,
            risk: "Under a runtime without no_new_privs each gives its capabilities to whoever starts it.",
            remedy: "remove them when the image is built: setcap -r", profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["4.8"], nist: ["4.1.2"], attack: ["T1548"])), [.capability],
        found: { "\($0) files have capabilities" }, none: "no file has")

    private static let devices = files(
        AuditRule(
            "BH-IMG-004", "The image has no device nodes", .medium,
            risk: "Under a runtime that mounts it without nodev, each reaches its device.",
            remedy: "remove them when the image is built", profiles: standard,
            mappings: RuleMappings(nist: ["4.1.2"], attack: ["T1611"])), [.device],
        found: { "it has \($0) device nodes" }, none: "it has none")

    private static let worldWritable = files(
        AuditRule(
            "BH-IMG-005", "No file of the image can be written by everybody", .low,
            risk: "Any process inside can exchange what others run or read.",
            remedy: "take the right away when the image is built: chmod o-w", profiles: standard,
            mappings: RuleMappings(nist: ["4.1.2"], attack: ["T1574"])), [.worldWritable],
        found: { "\($0) files and directories can be written by everybody" }, none: "none can be")

    private static let secretFiles = files(
        AuditRule(
            "BH-IMG-006", "The image holds no secrets", .high,
            risk: "Whoever gets the image gets the secret, and every layer keeps it.",
            remedy: "hand secrets over at run time, build the image again, and change the secret",
            profiles: standard + [.cisDocker5],
            mappings: RuleMappings(cis: ["4.10"], nist: ["4.1.4"], attack: ["T1552"])), [.secret],
        found: { "\($0) files look like secrets" }, none: "no file looks like one")

    private static let secretVariables = Inquiry<ImageFacts>(
        AuditRule(
            "BH-IMG-007", "The image's configuration holds no secrets", .high,
            risk: "Whoever gets the image gets the secret.", remedy: "hand secrets over at run time",
            profiles: standard + [.cisDocker5],
            mappings: RuleMappings(cis: ["4.10"], nist: ["4.1.4"], attack: ["T1552"]))
    ) { facts in
        let evidence = facts.secretVariables.map { Evidence($0, source: "the image's configuration, Env, names only") }
        return .findings(evidence, found: { "\($0) variables look like secrets" }, none: "no name looks like one")
    }

    private static let remoteShell = files(
        AuditRule(
            "BH-IMG-008", "The image brings no remote shell server", .low,
            risk: "It is a second way in, with keys of its own.", remedy: "leave it out; use bulkhead exec",
            profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.7"], nist: ["4.1.2"], attack: ["T1021"])), [.remoteShell],
        found: { "it brings \($0)" }, none: "it brings none")

    private static let healthcheck = Inquiry<ImageFacts>(
        AuditRule(
            "BH-IMG-009", "The image says how its health is checked", .info,
            risk: "A program that hangs is taken for one that works.", remedy: "set HEALTHCHECK in the image",
            profiles: [.cisDocker5], mappings: RuleMappings(cis: ["4.6", "5.27"], nist: ["4.1.2"]))
    ) { facts in
        facts.hasHealthcheck
            ? .pass("it does")
            : .found("it does not", [Evidence("none", source: "the image's configuration, Healthcheck")])
    }

    private static let pinned = Inquiry<ImageFacts>(
        AuditRule(
            "BH-IMG-010", "The image is asked for by its digest", .info,
            risk: "A name may lead to another image tomorrow.", remedy: "use NAME@sha256:…",
            profiles: [.cisDocker5, .nist800190],
            mappings: RuleMappings(cis: ["5.28"], nist: ["4.1.5"], attack: ["T1525"]))
    ) { facts in
        facts.isPinned
            ? .pass("it is")
            : .found("it is asked for by a name", [Evidence(facts.subject.shownName, source: "the command line")])
    }

    private static let signed = Inquiry<ImageFacts>(
        AuditRule(
            "BH-IMG-011", "The image is signed by a key that the policy trusts", .low,
            risk: "Whoever can change the image on its way here decides what runs.",
            remedy: "sign it with cosign or skopeo, import it with its signature, and ask for the key in the policy",
            profiles: standard + [.cisDocker5],
            mappings: RuleMappings(cis: ["4.5"], nist: ["4.1.5"], attack: ["T1525", "T1195"]))
    ) { facts in
        facts.trust.ask { trust in
            let evidence = [Evidence(trust.detail, source: "the image policy \(trust.policy)")]
            if trust.isSigned { return .pass("it is", evidence) }
            return .found(trust.isRefused ? "the policy does not trust it" : "nobody verified it", evidence)
        }
    }
}
