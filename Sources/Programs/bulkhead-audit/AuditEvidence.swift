import ArgumentParser
import AuditFormat
import AuditOutput
import AuditTrail
import Auditing
import CommandOutput
import Diagnostics
import LinuxKernel
import Observation

struct AuditEvidence: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evidence", abstract: "Audit containers and keep what was seen, signed and chained.",
        discussion: """
            The bundle is a tar archive: raw files of /proc, the facts, the report, their hashes, and a signature by \
            this host's key. 'bulkhead audit verify' checks it anywhere, without a network.

            Examples:
              bulkhead audit evidence --all --output /var/tmp/evidence-1.tar
              bulkhead audit verify evidence-1.tar --key "$(bulkhead audit key)"
            """)

    @Argument(help: "Names or ids of containers of ours.") var containers: [String] = []
    @Option(help: .init("A process of a container that somebody else started.", valueName: "id")) var pid: [Int32] = []
    @Flag(help: "Every container on this host.") var all = false
    @Option(help: "Which rules are asked.") var profile = AuditProfile.standard
    @Option(help: .init("Where the bundle is written.", valueName: "file")) var output: String
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        let found = try Surveyor(places).observe(containers, processes: pid, all: all)
        let host = try AuditHost.state(places)
        var options = ReportOptions()
        options.profile = profile
        let findings =
            AuditCatalogue.findings(about: host, profile: profile)
            + found.flatMap { AuditCatalogue.findings(about: $0, profile: profile) }
        let report = try options.report([host.subject] + found.map(\.subject), findings)
        var files = [(name: "report.json", content: try Self.canonical(report))]
        files.append(("facts/host.json", try Self.canonical(host)))
        for (index, facts) in found.enumerated() {
            files.append(("facts/\(index + 1).json", try Self.canonical(facts)))
            files += RawCapture.files(of: facts)
        }
        let store = EvidenceStore(directory: places.storePath + "/audit")
        let path = HostPath.absolute(output, in: CurrentProcess.directory())
        let sealed = try store.seal(files, host: report.host, time: report.time) { archive throws(Failure) in
            do throws(KernelError) {
                let file = try OwnedDescriptor.open(
                    RawPath(path), [.writeOnly, .create, .exclusive, .noFollow], mode: 0o400)
                try file.write(archive)
                try file.synchronize()
            } catch {
                throw error.failure(
                    "audit.unwritable", doing: "write the evidence", on: path,
                    remedy: error.errno == Errno.exists ? "choose another name: evidence is never replaced" : nil)
            }
        }
        try Console.write("bundle \(sealed.sequence) \(sealed.hash)\n")
    }

    private static func canonical(_ value: some Encodable) throws(Failure) -> [UInt8] {
        Array(try AuditDocument(encoding: value).canonical.utf8)
    }
}

struct AuditKey: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key", abstract: "Print the public half of this host's key for evidence.",
        discussion: """
            The key is made when it is first needed, in the store's directory 'audit', readable by root only.

            Example:
              bulkhead audit key > host-a.pub
            """)

    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    func run() throws {
        try PlaceOptions.requireRoot()
        let key = try EvidenceStore(directory: places.storePath + "/audit").key()
        try Console.write(key.publicText + "\n")
    }
}

struct AuditVerify: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify", abstract: "Verify bundles of evidence, or the log of launches.",
        discussion: """
            Several bundles must follow each other without a gap. The exit status is 1 when something does not hold.

            Examples:
              bulkhead audit verify evidence-1.tar evidence-2.tar --key 5f0c…
              bulkhead audit verify evidence-1.tar --key-file host-a.pub
              bulkhead audit verify --log
            """)

    @Argument(help: "Bundles, oldest first.") var bundles: [String] = []
    @Option(help: .init("The public key, as 'bulkhead audit key' prints it.", valueName: "hex")) var key: String?
    @Option(help: .init("A file that holds it.", valueName: "file")) var keyFile: String?
    @Flag(help: "Verify the log of launches, execs and refusals.") var log = false
    @OptionGroup(title: "Everywhere") var places: PlaceOptions

    private static let bundleBytesMax = 1 << 30

    func run() throws {
        if log { try verifyLog() }
        guard !bundles.isEmpty else {
            if log { return }
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "nothing to verify is named",
                remedy: "name bundles, or give --log")
        }
        let verifying = try VerifyingKey(try keyText())
        var sound: [EvidenceVerification.Sound] = []
        do throws(Failure) {
            for name in bundles {
                let bundle = try EvidenceVerification.check(try read(name), name: name, key: verifying)
                let time = CivilTime.text(bundle.time)
                let line = "\(name): bundle \(bundle.sequence) of \(bundle.host), \(time), sound"
                try Console.write(Untrusted.shown(line) + "\n")
                sound.append(bundle)
            }
            try EvidenceVerification.checkChain(sound)
        } catch {
            guard error.code.rawValue.begins(with: "audit.evidence") else { throw error }
            Console.note("bulkhead: \(error)")
            throw AuditStatus(code: AuditStatus.findings)
        }
    }

    private func verifyLog() throws {
        let directory = places.storePath + "/audit"
        let result = try AuditLog(directory: directory).verify()
        if let fault = result.fault {
            Console.note("bulkhead: the audit log in \(directory) does not hold: \(fault)")
            throw AuditStatus(code: AuditStatus.findings)
        }
        let torn = result.torn == 0 ? "" : ", \(result.torn) cut off by a power failure"
        let range = result.first.map { "\($0) to \(result.last ?? 0)" } ?? "none"
        try Console.write("\(directory): entries \(range) follow each other\(torn); the last is \(result.hash)\n")
    }

    private func keyText() throws(Failure) -> String {
        if let key { return key }
        guard let keyFile else {
            throw Failure(
                "usage.invalid", doing: "understand the command line", cause: "no key is given",
                remedy: "give --key or --key-file: a bundle cannot vouch for itself")
        }
        return String(decoding: try read(keyFile), as: UTF8.self)
    }

    private func read(_ name: String) throws(Failure) -> [UInt8] {
        let path = HostPath.absolute(name, in: CurrentProcess.directory())
        do throws(KernelError) {
            return try OwnedDescriptor.open(RawPath(path)).readAll(limit: Self.bundleBytesMax)
        } catch {
            throw error.failure("audit.unreadable", doing: "read", on: path)
        }
    }
}
