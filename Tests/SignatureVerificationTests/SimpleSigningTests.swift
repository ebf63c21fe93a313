import Diagnostics
import LinuxKernel
import Testing
import TrustFormat

@testable import ImageStorage

@Suite("Simple signing, made by GnuPG", .serialized)
struct SimpleSigningTests {
    let signers: Signers

    init() throws { signers = try Signers(Signers.gnupg.get()) }

    @Test(
        "a message is accepted however it is packed, and its content is what was signed",
        arguments: [
            ("sign ed", "ed.gpg"), ("sign rsa", "rsa.gpg"), ("sign p521", "p521.gpg"), ("sign above", "above.gpg"),
            ("sign ed", "both.asc"), ("sign rsa", "both.asc"),
            ("sign ed --digest-algo SHA256", "ed.gpg"), ("sign rsa --digest-algo SHA384", "rsa.gpg"),
            ("sign rsa --digest-algo SHA512", "rsa.gpg"), ("sign ed --compress-algo none", "ed.gpg"),
            ("sign ed --compress-algo zlib", "ed.gpg"), ("sign ed --default-sig-expire 1d", "ed.gpg"),
        ])
    func good(_ script: String, _ keys: String) throws {
        let message = try signers.run(script)
        let answer = try signers.answer(to: message, keys: [keys])
        guard case .message(let fingerprint, let content) = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(String(decoding: content, as: UTF8.self) == Signers.payload)
        // Of the primary key, whichever subkey signed.
        let user = script.split(separator: " ")[1]
        let listed = try signers.run("gnupg --with-colons --fingerprint \(user) | grep -m 1 ^fpr")
        #expect(String(decoding: listed, as: UTF8.self).contains(fingerprint))
    }

    /// A script that prints a message, the keys it is verified with, and what the refusal says.
    static let bad: [(script: String, keys: String, says: String)] = [
        ("sign ed --digest-algo SHA1", "ed.gpg", "signed with SHA1"),
        ("sign rsa --digest-algo SHA224", "rsa.gpg", "signed with SHA224"),
        ("sign rsa --digest-algo RIPEMD160", "rsa.gpg", "signed with RIPEMD160"),
        ("sign short", "short.gpg", "is an RSA key of 1024 bits"),
        ("sign old", "old.gpg", "is of the kind DSA"),
        ("sign odd", "odd.gpg", "is on the curve"),
        ("cat gone.message", "gone.gpg", "is revoked"),
        ("sign past --faked-system-time 20240101T010000!", "past.gpg", "has expired"),
        ("sign weak", "weak.gpg", "those with SHA-1 or MD5 count for nothing"),
        ("sign above", "unbound.gpg", "is bound by no good signature"),
        ("sign early --faked-system-time 20240201T000000! --default-sig-expire 1d", "early.gpg", "ture has expired"),
        ("sign ed --faked-system-time 20600101T000000!", "ed.gpg", "in the future"),
        ("sign ed; printf x", "ed.gpg", "something follows"),
        ("sign ed; sign ed", "ed.gpg", "something follows"),
        ("sign ed --compress-algo none; printf '\\313\\1x'", "ed.gpg", "something follows"),
        ("sign ed --compress-algo none; sign ed --compress-algo none", "ed.gpg", "something follows"),
        ("sign ed --local-user rsa", "both.asc", "not one message with one signature"),
        ("sign ed --compress-algo bzip2", "ed.gpg", "neither with ZIP nor with ZLIB"),
        ("sign ed --textmode", "ed.gpg", "not one of a binary document"),
        ("sign ed --armor", "ed.gpg", "no OpenPGP message"),
        ("gnupg --store --output - < payload", "ed.gpg", "it is not signed"),
        ("gnupg --passphrase x --symmetric --output - < payload", "ed.gpg", "it is not signed"),
        ("gnupg --local-user ed --detach-sign --output - < payload", "ed.gpg", "not one message"),
        ("gnupg --local-user ed --clear-sign --output - < payload", "ed.gpg", "no OpenPGP message"),
        ("cat ed.gpg", "ed.gpg", "not one message"),
        ("head -c 1000000 /dev/zero > z; gnupg --local-user ed --sign --output - < z", "ed.gpg", "unpacked"),
        ("head -c 40000 /dev/zero > z; gnupg --local-user ed --sign --output - < z", "ed.gpg", "40000 bytes"),
        ("sign ed > m; head -c $(($(stat -c %s m) - 1)) m", "ed.gpg", "damaged"),
        ("sign ed --compress-algo none > m; head -c $(($(stat -c %s m) - 1)) m", "ed.gpg", ""),
        ("printf '\\243\\1'", "ed.gpg", "damaged"),
        ("printf '\\243\\1\\3\\0'", "ed.gpg", "is empty"),
        ("printf '\\310\\377\\377\\377\\377\\377\\1'", "ed.gpg", "ends in the middle"),
        ("printf '\\310\\340\\1'", "ed.gpg", "in pieces"),
    ]

    @Test("what is not one good signature of one message is refused, and said", arguments: bad)
    func refused(_ entry: (script: String, keys: String, says: String)) throws {
        let message = try signers.run(entry.script)
        try #require(!message.isEmpty)
        let answer = try signers.answer(to: message, keys: [entry.keys])
        guard case .bad(let cause) = answer else { return #expect(Bool(false), "\(answer)") }
        #expect(cause.contains(entry.says), "\(cause)")
    }

    @Test("a stranger's message is nobody's, and a changed byte anywhere makes a message bad or nobody's")
    func changed() throws {
        #expect(try signers.answer(to: signers.run("sign rsa"), keys: ["ed.gpg"]) == .stranger)
        let message = try signers.run("sign ed --compress-algo none")
        var changed: [[UInt8]] = []
        for index in message.indices {
            var copy = message
            copy[index] ^= 1
            changed.append(copy)
        }
        let key = try signers.read("ed.gpg")
        for start in stride(from: 0, to: changed.count, by: TrustLimits.signatures) {
            let some = Array(changed[start..<min(start + TrustLimits.signatures, changed.count)])
            for (index, answer) in try Signers.verifier().check(.openPGP(keyFiles: [key], messages: some)).enumerated()
            {
                // A literal packet's name and date are not signed (RFC 4880 5.2.4), nor the hints outside a
                // signature's hashed part: what counts is that the content is the same.
                if case .message(_, let content) = answer {
                    #expect(content == Array(Signers.payload.utf8), "byte \(start + index)")
                }
            }
        }
    }

    @Test("files that are no public keys refuse everything, and the refusal says which", arguments: ["secret", "text"])
    func keys(_ kind: String) throws {
        let message = try signers.run("sign ed")
        let wrong =
            kind == "secret" ? try signers.run("gnupg --export-secret-keys ed") : Array("-----BEGIN PGP hello".utf8)
        let files = [try signers.read("ed.gpg"), wrong]
        let failure = #expect(throws: Failure.self) {
            try Signers.verifier().check(.openPGP(keyFiles: files, messages: [message]))
        }
        #expect(failure?.code == "image.key-invalid" && failure?.subject?.contains("number 2") == true)
    }
}
