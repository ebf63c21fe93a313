import Containers
import Diagnostics
import Foundation
import Testing

@testable import bulkhead

@Suite("--secret")
struct SecretFlagTests {
    static var flag: SecretFlag { SecretFlag(
        directory: "/here", ours: { $0 == "TOKEN" ? "from us" : nil },
        readFile: { path throws(Failure) in
            guard path == "/here/key" else {
                throw Failure("flag.bad", doing: "read", on: path, cause: "it is not there", field: "secret")
            }
            return Array("of a file".utf8)
        }) }

    private func text(_ secret: SecretRequest) -> String { secret.value.reveal { String(decoding: $0, as: UTF8.self) } }

    @Test("comes from a file, a variable or the flag itself, and is a file of the task's unless said otherwise")
    func sources() throws {
        let file = try Self.flag.request("name=key,source=file:key")
        #expect(file.source == .file("/here/key") && text(file) == "of a file")
        #expect(file.target == "/run/secrets/key" && file.variable == nil && file.mode == 0o400 && file.uid == nil)
        let variable = try Self.flag.request("name=t,source=env:TOKEN,env=API_TOKEN")
        #expect(variable.source == .environment("TOKEN") && text(variable) == "from us")
        #expect(variable.target == nil && variable.variable == "API_TOKEN")
        let inline = try Self.flag.request("name=t,target=/x,uid=5,gid=6,mode=0440,source=inline:a,b=c,name=d")
        #expect(inline.source == .inline && text(inline) == "a,b=c,name=d")
        #expect(inline.target == "/x" && inline.uid == 5 && inline.gid == 6 && inline.mode == 0o440)
    }

    @Test(
        "what is not understood is refused without being shown",
        arguments: [
            "", "name=key", "source=file:key", "name=,source=file:key", "name=../x,source=file:key",
            "name=a/b,source=file:key", "name=key,source=hunter2", "name=key,source=env:OTHER", "name=key,hunter2",
            "name=key,colour=hunter2,source=file:key", "name=key,name=x,source=file:key", "name=key,source=file:gone",
            "name=key,mode=rwx,source=file:key", "name=key,uid=-1,source=file:key",
        ])
    func refused(text: String) throws {
        let failure = try #require(throws: Failure.self) { try Self.flag.request(text) }
        #expect(failure.field == "secret")
        #expect(!failure.description.contains("hunter2"))
    }

    @Test("a value is in no encoding, print or dump of the request that has it")
    func neverShown() throws {
        let secret = try Self.flag.request("name=key,source=inline:hunter2")
        let request = ContainerRequest(
            id: try ContainerID("x"), name: "x", image: ImageIdentity(reference: "i", digest: "d"),
            process: ProcessRequest(arguments: ["true"], environment: []), secrets: [secret])
        let encoded = String(decoding: try JSONEncoder().encode(request), as: UTF8.self)
        var dumped = ""
        dump(request, to: &dumped)
        for shown in [encoded, dumped, "\(request)", String(reflecting: request)] {
            #expect(!shown.contains("hunter2") && !shown.contains("\(Array("hunter2".utf8))"))
            #expect(shown.contains("key"))
        }
        let back = try JSONDecoder().decode(ContainerRequest.self, from: Data(encoded.utf8))
        #expect(back == request.withoutSecretValues && back.secrets?[0].value.isAbsent == true)
    }
}
