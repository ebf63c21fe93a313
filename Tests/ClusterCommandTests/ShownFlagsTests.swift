import ClusterAPI
import Testing

@testable import bulkhead_cluster

@Suite("Flags as a daemon shows them")
struct ShownFlagsTests {
    @Test("every setting has the protocol's form of its name, whatever it comes from; what is not set is left out")
    func names() {
        let flags = ShownFlags.flags([
            .init(key: "work-dir", values: ["/w"], origin: .commandLine),
            .init(key: "keep-image", values: ["a", "b"], origin: .file("f", line: 1)),
            .init(key: "port", values: ["5050"], origin: .usual), .init(key: "cluster", values: [], origin: .usual),
        ])
        #expect(flags == [.init("keep_image", "a,b"), .init("port", "5050"), .init("work_dir", "/w")])
    }

    @Test(
        "a secret in an address is not shown",
        arguments: [
            ("https://me:secret@host:5050/x", "https://me:***@host:5050/x"), ("http://me@host", "http://me@host"),
            ("http://a:s@one,http://b:t@two", "http://a:***@one,http://b:***@two"), ("/a:b@c", "/a:b@c"),
            ("http://host/p:q@r", "http://host/p:q@r"), ("x://u:p@ss@host", "x://u:***@host"),
            ("x://u:\u{301}p@\u{301}host", "x://u:***@\u{301}host"),
        ])
    func secrets(_ value: String, _ shown: String) { #expect(ShownFlags.redacted(value) == shown) }
}
