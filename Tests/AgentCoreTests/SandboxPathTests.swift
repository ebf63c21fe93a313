import Testing

@testable import AgentCore

@Suite("Paths of sandboxes")
struct SandboxPathTests {
    static let run = "slaves/A/frameworks/F/executors/E/runs/C"

    @Test(
        "a path names a sandbox, whose it is and what is in it",
        arguments: [
            ("/w/\(run)/a/b", "F", "a/b"), ("/w//\(run)/.//a", "F", "a"), ("\(run)", "F", ""),
            ("/frameworks/F/executors/E/runs/latest/x", "F", "x"),
            ("containers/C/frameworks/G/x", nil, "frameworks/G/x"),
            ("/w/containers/C", nil, ""),
        ] as [(String, String?, String)])
    func named(_ path: String, _ framework: String?, _ rest: String) {
        let place = SandboxPath(path, below: "/w")
        #expect(place != nil && place?.framework == framework)
        #expect(place?.rest.joined(separator: "/") == rest)
    }

    // The directory above may have any name.
    @Test("the framework is that of the sandbox, whatever the work directory is called")
    func above() {
        let work = "/srv/frameworks/mine"
        #expect(SandboxPath("\(work)/\(Self.run)/x", below: work)?.framework == "F")
    }

    @Test(
        "what is in no sandbox, or climbs, names none",
        arguments: [
            "", "/", "/w", "/w/slaves/A", "/etc/passwd", "/w/\(run)/../x", "/w/\(run)/../\u{301}x", "/w/containers",
            "/wider/\(run)", "/w/\(run)/a\0b",
        ])
    func none(_ path: String) { #expect(SandboxPath(path, below: "/w") == nil) }

    @Test("executors with marks in their names are as deep as all")
    func depth() {
        let run = "/w/slaves/A/frameworks/f/executors/\u{301}e/runs/C"
        #expect(SandboxLayout.outermost(of: run + "/containers/D", below: "/w") == run)
    }
}
