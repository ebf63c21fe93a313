import Containerizing
import Containers
import Diagnostics
import OCIFormat
import Testing

@testable import bulkhead

@Suite("Flags and image put together")
struct CompositionTests {
    private func composition(
        entrypoint: [String] = [], command: [String] = [], flag: String? = nil, words: [String] = [],
        _ change: (inout TaskComposition) -> Void = { _ in }
    ) -> TaskComposition {
        var config = ImageConfig(layers: [])
        config.entrypoint = entrypoint
        config.command = command
        var composition = TaskComposition(
            config: config, command: words, entrypoint: flag, environment: [], workingDirectory: nil,
            user: ResolvedUser(uid: 0, gid: 0, home: "/root"), hostname: "box", hasTerminal: false)
        change(&composition)
        return composition
    }

    @Test("entrypoint and command go together as Docker has it")
    func arguments() {
        #expect(composition(command: ["sh"]).arguments == ["sh"])
        #expect(composition(entrypoint: ["e"], command: ["c"]).arguments == ["e", "c"])
        #expect(composition(entrypoint: ["e"], command: ["c"], words: ["w"]).arguments == ["e", "w"])
        #expect(composition(command: ["c"], words: ["w", "x"]).arguments == ["w", "x"])
        #expect(composition(entrypoint: ["e"], command: ["c"], flag: "f").arguments == ["f"])
        #expect(composition(entrypoint: ["e"], command: ["c"], flag: "f", words: ["w"]).arguments == ["f", "w"])
        #expect(composition(entrypoint: ["e"], command: ["c"], flag: "", words: ["w"]).arguments == ["w"])
        #expect(composition(entrypoint: ["e"], command: ["c"], flag: "").arguments == [])
    }

    @Test("flags win over the image, the image over what is usual; a name stands once")
    func environment() {
        let plain = composition().mergedEnvironment
        #expect(plain == ["PATH=" + TaskComposition.defaultPath, "HOSTNAME=box", "HOME=/root"])
        let full = composition {
            $0.config.environment = ["PATH=/bin", "A=1", "HOME=/image"]
            $0.environment = ["A=2", "B=", "HOSTNAME=other"]
            $0.hasTerminal = true
        }.mergedEnvironment
        #expect(full == ["PATH=/bin", "HOSTNAME=other", "TERM=xterm", "A=2", "HOME=/image", "B="])
        #expect(composition { $0.user.home = nil }.mergedEnvironment.last == "HOME=/")
    }

    @Test("a user other than root holds nothing unless it was asked for")
    func capabilities() throws {
        let root = composition()
        #expect(try root.capabilities(adding: [], dropping: []) == CapabilitySet.rootDefault.rawValue)
        #expect(try root.capabilities(adding: ["NET_RAW"], dropping: ["ALL"]) == CapabilitySet([.netRaw]).rawValue)
        let user = composition { $0.user.uid = 1_000 }
        #expect(try user.capabilities(adding: [], dropping: []) == 0)
        #expect(
            refusal { () throws(Failure) in try root.capabilities(adding: ["FLY"], dropping: []) }?.code
                == "capability.unknown")
    }

    @Test("the working directory is the flag's, the image's, or the root")
    func workingDirectory() {
        func directory(_ flag: String?, _ image: String) -> String {
            composition {
                $0.workingDirectory = flag
                $0.config.workingDirectory = image
            }.process(terminal: nil, interactive: false).workingDirectory
        }
        #expect(directory(nil, "") == "/" && directory(nil, "/srv") == "/srv" && directory("/tmp", "/srv") == "/tmp")
    }

    @Test("variables without a value are ours, files come first, nothing is unquoted")
    func environmentFlags() throws {
        let files = ["f": "# comment\n\n  A=\"quoted\" # not a comment\nOURS\nMISSING\nB=1=2\r\n"]
        let flags = EnvironmentFlags(
            ours: { ["OURS": "yes"][$0] }, readFile: { path throws(Failure) in Array((files[path] ?? "").utf8) })
        #expect(
            try flags.entries(["C=3", "OURS", "MISSING", "D="], files: ["f"])
                == ["A=\"quoted\" # not a comment", "OURS=yes", "B=1=2", "C=3", "OURS=yes", "D="])
        #expect(try flags.entries(["A=\u{301}x"], files: []) == ["A=\u{301}x"])
        let separators = EnvironmentFlags(
            ours: { _ in nil }, readFile: { _ throws(Failure) in Array("A=1\u{2028}B=2\u{85}C=3\r\nD=4".utf8) })
        #expect(try separators.entries([], files: ["f"]) == ["A=1\u{2028}B=2\u{85}C=3", "D=4"])
        for text in ["", "=x"] {
            #expect(refusal { () throws(Failure) in try flags.entries([text], files: []) } != nil)
        }
    }

    @Test("a file of variables that is none is refused with the line", arguments: ["A B=1", "=1", "ok=1\nbad name"])
    func environmentFiles(_ content: String) {
        let flags = EnvironmentFlags(ours: { _ in nil }, readFile: { _ throws(Failure) in Array(content.utf8) })
        let failure = refusal { () throws(Failure) in try flags.entries([], files: ["f"]) }
        #expect(failure?.field == "env-file" && failure?.cause?.contains("line") == true)
    }

    @Test("labels of flags win over the image's")
    func labels() throws {
        #expect(
            try LabelFlags.merged(["a=2", "b", "c=x=y"], over: ["a": "1", "d": "4"]) == [
                "a": "2", "b": "", "c": "x=y", "d": "4",
            ])
        #expect(refusal { () throws(Failure) in try LabelFlags.merged(["=1"], over: [:]) }?.field == "label")
    }
}
