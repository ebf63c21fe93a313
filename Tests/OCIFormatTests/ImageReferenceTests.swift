import Diagnostics
import OCIFormat
import Testing

@Suite("image references")
struct ImageReferenceTests {
    static let hex = String(repeating: "ab", count: 32)

    @Test(
        "a name is completed as Docker completes it",
        arguments: [
            ("busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36"),
            ("library/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest"),
            ("user/app", "docker.io/user/app:latest", "user/app:latest"),
            ("localhost/app", "localhost/app:latest", "localhost/app:latest"),
            ("localhost:5000/app:v1", "localhost:5000/app:v1", "localhost:5000/app:v1"),
            (
                "registry.example:5000/team/app", "registry.example:5000/team/app:latest",
                "registry.example:5000/team/app:latest"
            ),
            ("[::1]:5000/app", "[::1]:5000/app:latest", "[::1]:5000/app:latest"),
            ("a__b/c-d--e.f", "docker.io/a__b/c-d--e.f:latest", "a__b/c-d--e.f:latest"),
            ("busybox@sha256:\(hex)", "docker.io/library/busybox@sha256:\(hex)", "busybox@sha256:\(hex)"),
            ("busybox:1@sha256:\(hex)", "docker.io/library/busybox:1@sha256:\(hex)", "busybox:1@sha256:\(hex)"),
            ("app:Tag_1.2-x", "docker.io/library/app:Tag_1.2-x", "app:Tag_1.2-x"),
        ])
    func completes(text: String, full: String, familiar: String) throws {
        let reference = try ImageReference(parsing: text)
        #expect(reference.description == full)
        #expect(reference.familiar == familiar)
        #expect(try ImageReference(parsing: reference.familiar) == reference)
        #expect(try ImageReference(parsing: reference.description) == reference)
    }

    @Test(
        "a name that is not one is refused",
        arguments: [
            "", ":", "@", "/", "busybox:", "busybox@", "Busybox", "bus ybox", "busybox:a b", "../etc", "a/../b", "a//b",
            "/a", "a/", "a..b", "a___b", "-a", "a-", ".a", "a.", "_a", "busybox:-x", "busybox:.x",
            "busybox:" + String(repeating: "x", count: 129), String(repeating: "a", count: 256), hex,
            "busybox@sha512:\(hex)\(hex)", "busybox@sha256:xyz", "exa mple.com/a", "example.com:port/a",
            "example.com:123456/a", "-example.com/a", "busybox\u{1b}[31m", "busybox\n", "bücher", "a@b@c", "[::1/a",
            String(repeating: "a/", count: 600) + "a",
        ])
    func refuses(text: String) {
        let failure = #expect(throws: Failure.self) { _ = try ImageReference(parsing: text) }
        #expect(failure?.field == "image")
        #expect(failure?.description.contains("\u{1b}") == false)
    }
}
