import Diagnostics
import OCIFormat
import Testing

@testable import TrustFormat

@Suite("Image policies")
struct PolicyTests {
    static let signer = Signer()

    static func policy(_ text: String) throws(Failure) -> TrustPolicy {
        try TrustPolicy(parsing: Array(text.utf8), from: "policy.json") { path throws(Failure) in
            guard path == "/keys/team.pub" else { throw Failure("test.no-key", doing: "read", on: path) }
            return Array(signer.pem.utf8)
        }
    }

    @Test("what distributions install is read, and lets everything through")
    func usual() throws {
        let policy = try Self.policy(
            #"{"default":[{"type":"insecureAcceptAnything"}],"#
                + #""transports":{"docker-daemon":{"":[{"type":"insecureAcceptAnything"}]}}}"#)
        #expect(policy.isPermissive && policy.scopes.isEmpty)
        #expect(TrustPolicy.permissive.isPermissive && !TrustPolicy.reject.isPermissive)
    }

    static let bad: [(String, Failure.Code, String?)] = [
        ("", "image.document-syntax", nil),
        ("[]", "image.document-type", nil),
        ("{}", "image.document-member-missing", "default"),
        (#"{"default":[]}"#, "image.policy-invalid", "default"),
        (#"{"default":[{}]}"#, "image.policy-invalid", "default[0].type"),
        (#"{"default":[{"type":"accept"}]}"#, "image.policy-invalid", "default[0].type"),
        (#"{"default":[{"type":"reject","keyPath":"/x"}]}"#, "image.policy-invalid", "default[0].keyPath"),
        (#"{"default":[{"type":"reject"}],"defaults":[]}"#, "image.policy-invalid", "defaults"),
        (
            #"{"default":[{"type":"reject"}],"default":[{"type":"insecureAcceptAnything"}]}"#,
            "image.document-duplicate-member", "default"
        ),
        (#"{"default":[{"type":"sigstoreSigned"}]}"#, "image.policy-invalid", "default[0]"),
        (
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/team.pub","keyData":"AA=="}]}"#,
            "image.policy-invalid", "default[0]"
        ),
        (#"{"default":[{"type":"sigstoreSigned","keyPaths":[]}]}"#, "image.policy-invalid", "default[0].keyPaths"),
        (
            #"{"default":[{"type":"sigstoreSigned","keyPath":"team.pub"}]}"#, "image.policy-invalid",
            "default[0].keyPath"
        ),
        (#"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/other.pub"}]}"#, "test.no-key", nil),
        (#"{"default":[{"type":"sigstoreSigned","keyData":"!!"}]}"#, "image.policy-invalid", "default[0].keyData"),
        (#"{"default":[{"type":"sigstoreSigned","keyData":"AA=="}]}"#, "image.key-invalid", "key"),
        (
            #"{"default":[{"type":"sigstoreSigned","fulcio":{},"keyPath":"/keys/team.pub"}]}"#,
            "image.policy-unsupported", "default[0].fulcio"
        ),
        (
            #"{"default":[{"type":"sigstoreSigned","rekorPublicKeyPath":"/x","keyPath":"/keys/team.pub"}]}"#,
            "image.policy-unsupported", "default[0].rekorPublicKeyPath"
        ),
        (
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/team.pub","signedIdentity":{"type":"any"}}]}"#,
            "image.policy-invalid", "default[0].signedIdentity.type"
        ),
        (
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/team.pub","#
                + #""signedIdentity":{"type":"matchExact","prefix":"a"}}]}"#,
            "image.policy-invalid", "default[0].signedIdentity.prefix"
        ),
        (
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/team.pub","#
                + #""signedIdentity":{"type":"exactReference"}}]}"#,
            "image.document-member-missing", "default[0].signedIdentity.dockerReference"
        ),
        (
            #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/x"}]}"#,
            "test.no-key", nil
        ),
        (
            #"{"default":[{"type":"signedBy","keyType":"X509Certificates","keyPath":"/keys/team.pub"}]}"#,
            "image.policy-unsupported", "default[0].keyType"
        ),
        (#"{"default":[{"type":"signedBy","keyPath":"/x"}]}"#, "image.policy-unsupported", "default[0].keyType"),
        (#"{"default":[{"type":"signedBy","keyType":"GPGKeys"}]}"#, "image.policy-invalid", "default[0]"),
        (
            #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyDatas":["AA=="]}]}"#, "image.policy-invalid",
            "default[0].keyDatas"
        ),
        (
            #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyPath":"/keys/team.pub"}]}"#, "image.key-invalid",
            "key"
        ),
        (
            #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyData":"lQOYBGAAAAAB"}]}"#, "image.key-invalid",
            "key"
        ),
        (
            #"{"default":[{"type":"signedBy","keyType":"GPGKeys","keyData":"mQGNBGAAAAAB","fulcio":{}}]}"#,
            "image.policy-invalid", "default[0].fulcio"
        ),
        (#"{"default":[{"type":"reject"}],"transports":{"dokcer":{}}}"#, "image.policy-invalid", "transports.dokcer"),
        (
            #"{"default":[{"type":"reject"}],"transports":{"oci":{"":[{"type":"reject"}]}}}"#,
            "image.policy-unsupported", "transports.oci."
        ),
        (
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"busybox":[{"type":"reject"}]}}}"#,
            "image.policy-invalid", "transports.docker.busybox"
        ),
        (
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"docker.io/busybox":[{"type":"reject"}]}}}"#,
            "image.policy-invalid", "transports.docker.docker.io/busybox"
        ),
        (
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"*.example/x":[{"type":"reject"}]}}}"#,
            "image.policy-invalid", "transports.docker.*.example/x"
        ),
        (
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"a.b/../c":[{"type":"reject"}]}}}"#,
            "image.policy-invalid", "transports.docker.a.b/../c"
        ),
        (
            #"{"default":[{"type":"reject"}],"transports":{"docker":{"a.b/c":null}}}"#,
            "image.document-member-missing", "transports.docker.a.b/c"
        ),
        (String(repeating: "[", count: 100), "image.document-too-deep", nil),
        (
            #"{"default":["# + Array(repeating: #"{"type":"reject"}"#, count: 17).joined(separator: ",") + "]}",
            "image.document-too-many-entries", "default"
        ),
        (#"{"default":[{"type":"reject"}]}"# + String(repeating: " ", count: 1 << 20), "image.document-too-large", nil),
    ]

    @Test("what cannot be kept is refused, and the refusal names the member", arguments: bad)
    func refused(_ text: String, _ code: Failure.Code, _ field: String?) {
        let failure = #expect(throws: Failure.self) { try Self.policy(text) }
        #expect(failure?.code == code, "\(failure?.description ?? "")")
        if let field { #expect(failure?.field == field) }
    }

    static let scoped = #"""
        {"default":[{"type":"reject"}],"transports":{"docker":{
          "registry.example":[{"type":"reject"}], "registry.example/team":[{"type":"insecureAcceptAnything"}],
          "registry.example/team/app:1":[{"type":"reject"}],
          "*.example":[{"type":"insecureAcceptAnything"}],
          "docker.io/library/busybox":[{"type":"insecureAcceptAnything"}],
          "localhost:5000":[{"type":"insecureAcceptAnything"}]}}}
        """#

    @Test(
        "the longest scope that fits decides",
        arguments: [
            ("busybox", "docker docker.io/library/busybox"),
            ("busybox:1.36", "docker docker.io/library/busybox"),
            ("busyboxx", "default"),
            ("registry.example/x", "docker registry.example"),
            ("registry.example/team/app", "docker registry.example/team"),
            ("registry.example/teams/app", "docker registry.example"),
            ("registry.example/team/app:1", "docker registry.example/team/app:1"),
            (
                "registry.example/team/app:1@sha256:" + String(repeating: "a", count: 64),
                "docker registry.example/team/app:1"
            ),
            ("other.example/x", "docker *.example"),
            ("a.b.example/x", "docker *.example"),
            ("localhost:5000/x/y", "docker localhost:5000"),
            ("localhost:5001/x/y", "default"),
        ])
    func scopes(_ name: String, _ scope: String) throws {
        #expect(try Self.policy(Self.scoped).scope(for: ImageReference(parsing: name)).name == scope)
    }

    @Test("an image without a name is decided by the default")
    func nameless() throws { #expect(try Self.policy(Self.scoped).scope(for: nil).name == "default") }

    static let identities: [(String, String, String, Bool)] = [
        (#"{"type":"matchExact"}"#, "r.example/a:1", "r.example/a:1", true),
        (#"{"type":"matchExact"}"#, "r.example/a:1", "r.example/a:2", false),
        (#"{"type":"matchExact"}"#, "r.example/a", "r.example/a:latest", false),
        (#"{"type":"matchRepoDigestOrExact"}"#, "r.example/a:1", "r.example/a:1", true),
        (#"{"type":"matchRepoDigestOrExact"}"#, "r.example/a", "r.example/a:1", false),
        (#"{"type":"matchRepoDigestOrExact"}"#, "r.example/a:9", "r.example/a@DIGEST", true),
        (#"{"type":"matchRepoDigestOrExact"}"#, "r.example/a:9", "r.example/a:1@DIGEST", false),
        (#"{"type":"matchRepoDigestOrExact"}"#, "r.example/b:9", "r.example/a@DIGEST", false),
        (#"{"type":"matchRepository"}"#, "r.example/a", "r.example/a:7", true),
        (#"{"type":"matchRepository"}"#, "r.example/a:3", "r.example/a:7", true),
        (#"{"type":"matchRepository"}"#, "docker.io/library/busybox", "busybox", true),
        (#"{"type":"matchRepository"}"#, "r.example/ab", "r.example/a", false),
        (#"{"type":"matchRepository"}"#, "", "r.example/a", false),
        (#"{"type":"matchRepository"}"#, "../a", "r.example/a", false),
        (#"{"type":"exactReference","dockerReference":"r.example/a:1"}"#, "r.example/a:1", "other", true),
        (#"{"type":"exactReference","dockerReference":"r.example/a:1"}"#, "r.example/a:2", "r.example/a:2", false),
        (#"{"type":"exactRepository","dockerRepository":"r.example/a"}"#, "r.example/a:5", "other", true),
        (#"{"type":"exactRepository","dockerRepository":"r.example/a"}"#, "r.example/b:5", "other", false),
        (
            #"{"type":"remapIdentity","prefix":"mirror.example/m","signedPrefix":"r.example"}"#,
            "r.example/a:1", "mirror.example/m/a:1", true
        ),
        (
            #"{"type":"remapIdentity","prefix":"mirror.example/m","signedPrefix":"r.example"}"#,
            "r.example/a:1", "mirror.example/mm/a:1", false
        ),
        (
            #"{"type":"remapIdentity","prefix":"mirror.example/m","signedPrefix":"r.example"}"#,
            "x.example/a:1", "x.example/a:1", true
        ),
    ]

    @Test("a signed name fits a name asked for as the policy says", arguments: identities)
    func identity(_ kind: String, _ signed: String, _ asked: String, _ fits: Bool) throws {
        let policy = try Self.policy(
            #"{"default":[{"type":"sigstoreSigned","keyPath":"/keys/team.pub","signedIdentity":\#(kind)}]}"#)
        guard case .signed(_, let identity) = policy.fallback[0] else { return #expect(Bool(false)) }
        let digest = "sha256:" + String(repeating: "a", count: 64)
        let reference = try ImageReference(parsing: asked.replacing("DIGEST", with: digest))
        #expect(identity.accepts(signed, for: reference) == fits)
    }
}
