import Diagnostics
import LinuxKernel
import Testing
import TrustFormat

@testable import ImageStorage

/// A directory of a test's own in which GnuPG and OpenSSL sign: other people's programs, so that ours is not compared
/// with itself. Keys are made once for all tests, and kept as an archive.
final class Signers: Sendable {
    let path: String

    static let payload =
        #"{"critical":{"identity":{"docker-reference":"registry.example/team/app:1"},"#
        + #""image":{"docker-manifest-digest":"sha256:"#
        + #"e59625a822497c164d60705eb3fd6975c375ca213b8140137a826a77790986a9"},"#
        + #""type":"atomic container signature"},"optional":{}}"#

    /// What a script may say: `sign USER OPTIONS…` signs `payload` to standard output.
    private static let vocabulary = """
        set -eu
        umask 077
        export GNUPGHOME=$PWD/home LC_ALL=C
        gnupg() { gpg --batch --quiet --no-tty --pinentry-mode loopback --passphrase '' --trust-model always "$@"; }
        sign() { user=$1; shift; gnupg --local-user "$user" "$@" --sign --output - < payload; }
        export_key() { gnupg --export "$1" > "$2"; }
        make() { gnupg --quick-generate-key "$1 <$1@example>" "$2" "$3" "$4" 2> /dev/null; }

        """

    /// No agent outlives a script.
    private static let end = "\n[ ! -d home ] || gpgconf --kill all"

    /// Each account of a key is made with `make NAME ALGORITHM USAGE EXPIRY`.
    private static let keys = """
        mkdir home
        make ed ed25519 sign never; make rsa rsa2048 sign never; make short rsa1024 sign never
        make p521 nistp521 sign never
        make old dsa2048 sign never; make gone ed25519 sign never; make odd secp256k1 sign never
        before() { gnupg --faked-system-time 20240101T000000! "$@" 2> /dev/null; }
        before --quick-generate-key 'past <past@example>' ed25519 sign 1d
        before --quick-generate-key 'early <early@example>' ed25519 sign never
        make above ed25519 cert never
        above=$(gnupg --with-colons --list-keys above | sed -n 's/^fpr:::::::::\\([^:]*\\):/\\1/p' | head -n 1)
        gnupg --quick-add-key "$above" ed25519 sign never
        gnupg --cert-digest-algo SHA1 --quick-generate-key 'weak <weak@example>' ed25519 sign never 2> /dev/null
        for name in ed rsa short p521 old odd above past early weak; do export_key $name $name.gpg; done
        gnupg --armor --export ed rsa > both.asc
        sign gone > gone.message
        sed 's/^:---/---/' home/openpgp-revocs.d/$(gnupg --with-colons --list-keys gone |
            sed -n 's/^fpr:::::::::\\([^:]*\\):/\\1/p' | head -n 1).rev | gnupg --import 2> /dev/null
        export_key gone gone.gpg
        mkdir parts; (cd parts; gpgsplit -p x. < ../above.gpg; rm x.000005-*; cat x.* > ../unbound.gpg)
        """

    /// With `keys`, an archive that `archive` made.
    init(_ keys: [UInt8]? = nil) throws {
        let base = ProcessEnvironment.value("BULKHEAD_TEST_SCRATCH") ?? "/tmp"
        path = "\(base)/signers-\(String(KernelRandom.number(), radix: 36))"
        try Directories.makeAll(path, mode: 0o700)
        try write("payload", Array(Self.payload.utf8))
        guard let keys else { return }
        try write("keys.tar", keys)
        _ = try run("tar -xf keys.tar")
    }

    /// What a script makes in a directory of its own, as an archive.
    static func archive(_ script: String) throws -> [UInt8] {
        let signers = try Signers()
        _ = try signers.run(script)
        // Files only: an agent that is about to end still changes the directory of its sockets.
        return try signers.run("tar -cf - $(find . -type f ! -name payload ! -name '*.lock' ! -name '.#*')")
    }

    static let gnupg = Result { try archive(keys) }

    deinit {
        do {
            try TreeRemoval.remove(path)
        } catch { Issue.record("cleaning up \(path): \(error)") }
    }

    func write(_ name: String, _ content: [UInt8]) throws {
        try OwnedDescriptor.open(RawPath("\(path)/\(name)"), [.writeOnly, .create, .truncate], mode: 0o600)
            .write(content)
    }

    func read(_ name: String) throws -> [UInt8] {
        try OwnedDescriptor.open(RawPath("\(path)/\(name)")).readAll(limit: 1 << 20)
    }

    /// What a script prints.
    func run(_ script: String) throws -> [UInt8] {
        let output = try OwnedDescriptor.memoryFile("output")
        let errors = try OwnedDescriptor.memoryFile("errors")
        let process = try ToolProcess.start(
            "/bin/bash", ["-c", "cd '\(path)'\n" + Self.vocabulary + script + Self.end],
            environment: ["PATH=/usr/bin:/bin", "HOME=\(path)"], descriptors: [nil, output, errors])
        let end = try process.reap()
        let said = String(decoding: try errors.readBytes(1 << 16, at: 0), as: UTF8.self)
        try #require(end == .exited(0), "\(script): \(end) \(said)")
        return try output.readBytes(1 << 22, at: 0)
    }

    // MARK: Ours

    /// The program SwiftPM built beside this test bundle, or beside the unpacker the environment names.
    static func verifier() throws -> Verifier {
        if let chosen = ProcessEnvironment.value("BULKHEAD_UNPACK") {
            return Verifier(beside: Unpacker(program: chosen))
        }
        let bundles = [try #require(HostFacts.linkTarget("/proc/self/exe"))] + CommandLine.arguments
        let places = bundles.map { $0.split(separator: "/").dropLast().map { "/" + $0 }.joined() + "/bulkhead-unpack" }
        let found = places.map { Verifier(beside: Unpacker(program: $0)) }.first { HostFacts.exists($0.program) }
        return try #require(found, "bulkhead-verify is not built")
    }

    func answer(to message: [UInt8], keys: [String]) throws -> VerificationAnswer {
        let files = try keys.map { try read($0) }
        return try #require(try Self.verifier().check(.openPGP(keyFiles: files, messages: [message])).first)
    }
}
