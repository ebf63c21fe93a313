import AuditFormat
import Auditing
import Testing

@Suite("The graph of namespaces")
struct NamespaceGraphTests {
    private let graph = NamespaceGraph(
        [
            (Subject(.container, id: "a", name: "web\"\n"), ["net": 10, "pid": 20, "user": 3]),
            (Subject(.container, id: "b", name: "sidecar"), ["net": 10, "pid": 21, "user": 30]),
            (Subject(.process, id: "pid:9"), ["net": 11, "pid": 22]),
        ], host: ["net": 1, "user": 3])

    @Test("each namespace says whose it is and who is in it")
    func members() {
        #expect(graph.namespace("net", of: "a")?.members == ["a", "b"])
        #expect(graph.word("net", of: "a") == "with sidecar")
        #expect(graph.word("net", of: "pid:9") == "own")
        #expect(graph.word("user", of: "a") == "HOST" && graph.word("user", of: "b") == "own")
        #expect(graph.word("user", of: "pid:9") == "none")
    }

    @Test("where the host's is not known nothing is called its own")
    func unknown() { #expect(graph.word("pid", of: "a") == "unknown") }

    @Test("a picture has what is shared, and no name breaks out of its quotes")
    func picture() {
        let dot = graph.dot
        #expect(dot.contains(#""a" -- "net:[10]";"#) && dot.contains(#""b" -- "net:[10]";"#))
        #expect(dot.contains(#""a" [label="web\" "];"#))
        #expect(dot.contains("user:[3]\" [shape=ellipse, color=red") && !dot.contains("net:[11]"))
    }
}
