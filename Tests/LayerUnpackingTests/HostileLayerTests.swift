import HostileArchives
import LinuxKernel
import Testing

@Suite("hostile layers", .inBothForms) struct HostileLayerTests {
    @Test("a hostile layer touches nothing outside, ends in bounded time and memory, and harms no later one",
          arguments: HostileLayer.all)
    func isContained(_ hostile: HostileLayer) throws {
        let sandbox = try Sandbox()
        var lowers: [OwnedDescriptor] = []
        if let lower = hostile.lower {
            let (outcome, layer) = try sandbox.unpack(lower(sandbox.surroundings), into: "lower")
            try #require(outcome.exitStatus == 0, "\(outcome.last)")
            lowers = [layer]
        }
        let (outcome, layer) = try sandbox.unpack(
            hostile.layer(sandbox.surroundings), into: "layer", lowers: lowers, hostile.arguments)

        #expect(try sandbox.damage() == [])
        #expect(outcome.signal == 0)
        #expect(outcome.seconds < 60)
        #expect(outcome.residentKiB < 64 << 10)
        switch hostile.expected {
        case .refused(let code):
            #expect(outcome.exitStatus == 1)
            #expect(outcome.refusal == code, "\(outcome.last)")
        case .contained(let present, let absent):
            #expect(outcome.exitStatus == 0, "\(outcome.last)")
            for path in present { #expect(try layer.exists(RawPath(path)), "\(path)") }
            for path in absent { #expect(try !layer.exists(RawPath(path)), "\(path)") }
            #expect(try strangers(in: layer) == [])
        }
        #expect(!outcome.lines.joined().unicodeScalars.contains { $0.value < 0x20 })
        try sandbox.expectGoodLayerUnpacks()
    }

    /// Devices, and attributes only the host may set: none may come from an archive.
    private func strangers(in layer: OwnedDescriptor) throws -> [String] {
        try TreeSnapshot(of: layer).entries.filter { _, line in
            let device = (line.hasPrefix("character") && !line.hasSuffix(" 0:0")) || line.hasPrefix("block")
            let markers = ["trusted.overlay.redirect", "trusted.overlay.metacopy", "user.overlay", "security.selinux"]
            return device || markers.contains { line.contains($0) }
        }.map { "\($0.key): \($0.value)" }
    }

    @Test("a hostile outer archive is only counted, never followed", arguments: HostileOuterArchive.all)
    func outerArchive(_ hostile: HostileOuterArchive) throws {
        let sandbox = try Sandbox()
        let staging = try sandbox.makeDirectory("staging")
        let input = try sandbox.makeFile("outer.tar", hostile.archive(sandbox.surroundings))
        let outcome = try Unpacker.run(["ingest"], input: input, target: staging)
        #expect(outcome.exitStatus == 0, "\(outcome.last)")
        #expect(outcome.last.hasPrefix("{\"done\":"))
        let names = try staging.entries().map(\.name.description).sorted()
        #expect(names == (0..<hostile.stored).map { "m\($0)" })
        for name in names { #expect(try staging.status(of: RawPath(name)).kind == .regular) }
        #expect(try sandbox.damage() == [])
    }
}
