import Diagnostics
import OCIFormat
import Testing

@Suite("digests")
struct DigestTests {
    @Test(
        "the hash is SHA-256",
        arguments: [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
            (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
            (String(repeating: "a", count: 119), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
        ])
    func isSHA256(text: String, expected: String) { #expect(Digest(of: text.utf8).hex == expected) }

    @Test("a digest is read and written back unchanged")
    func readsBack() throws {
        let text = "sha256:" + String(repeating: "0f", count: 32)
        #expect(try Digest(parsing: text).description == text)
        #expect(try Digest(parsing: text).bytes == Array(repeating: 0x0f, count: 32))
    }

    @Test(
        "anything but sha256 and 64 lower-case digits is refused",
        arguments: [
            ("", "image.digest-invalid"),
            ("sha256", "image.digest-invalid"),
            ("sha256:", "image.digest-invalid"),
            ("sha256:" + String(repeating: "A1", count: 32), "image.digest-invalid"),
            ("sha256:" + String(repeating: "a", count: 63), "image.digest-invalid"),
            ("sha256:" + String(repeating: "a", count: 65), "image.digest-invalid"),
            ("sha256:" + String(repeating: "g", count: 64), "image.digest-invalid"),
            ("sha256:../../../../etc/passwd", "image.digest-invalid"),
            ("sha256:" + String(repeating: "a", count: 62) + "/.", "image.digest-invalid"),
            ("sha512:" + String(repeating: "a", count: 128), "image.digest-algorithm"),
            ("SHA256:" + String(repeating: "a", count: 64), "image.digest-algorithm"),
            ("sha256+b64u:" + String(repeating: "a", count: 64), "image.digest-algorithm"),
            ("md5:" + String(repeating: "a", count: 32), "image.digest-algorithm"),
            (":" + String(repeating: "a", count: 64), "image.digest-algorithm"),
            ("../x:" + String(repeating: "a", count: 64), "image.digest-algorithm"),
        ])
    func refuses(text: String, code: String) {
        let failure = #expect(throws: Failure.self) { _ = try Digest(parsing: text, field: "layers[0].digest") }
        #expect(failure?.code.rawValue == code)
        #expect(failure?.field == "layers[0].digest")
    }

    @Test("the chain names each layer together with all below it")
    func chain() throws {
        let layers = try ["11", "22", "33"].map { try Digest(hex: String(repeating: $0, count: 32)) }
        let chain = Digest.chain(of: layers)
        #expect(chain[0] == layers[0])
        #expect(chain[1] == Digest(of: "\(layers[0]) \(layers[1])".utf8))
        #expect(chain[2] == Digest(of: "\(chain[1]) \(layers[2])".utf8))
        #expect(Digest.chain(of: []) == [])
    }
}
