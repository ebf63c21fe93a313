import SeccompCompiler
import SeccompFormat
import Testing

@Suite("filters that hand calls over")
struct EmulatedCallFilterTests {
    private static let kernel = KernelRelease(major: 6, minor: 1)

    private func answer(
        _ source: FilterRequest.Source, _ call: String, _ arguments: [UInt64] = [],
        emulated: Set<EmulatedCall> = Set(EmulatedCall.allCases)
    ) throws -> FilterAction {
        let filter = try FilterRequest(source, kernel: Self.kernel, emulated: emulated).compiled()
        guard case .number(let number) = LibraryNumbering().number(of: call, on: .native) else { return .log }
        return try FilterEvaluator.evaluate(
            filter.bytes,
            .init(
                architecture: FilterArchitecture.native.auditArchitecture, number: number,
                arguments: arguments + Array(repeating: 0, count: 6 - arguments.count)))
    }

    static let refusing = FilterRequest.Source.profile(
        name: "refusing", json: Array(#"{"defaultAction": "SCMP_ACT_ERRNO"}"#.utf8))

    @Test("a harmless device is handed over, whatever else the registers hold", arguments: HarmlessDevice.all)
    func handed(_ device: HarmlessDevice) throws {
        let high: UInt64 = 0xabcd_0000_0000_0000
        for source in [FilterRequest.Source.standard, .strict, Self.refusing] {
            for mode: UInt64 in [0o20000, 0o20666, 0o27777, high | 0o20600] {
                let number = UInt64(device.number)
                #expect(try answer(source, "mknodat", [3, 4, mode, number]) == .notify)
                #expect(try answer(source, "mknodat", [3, 4, mode, high | number]) == .notify)
            }
        }
    }

    @Test(
        "everything else stays the kernel's to decide",
        arguments: [
            (0o60666, 0x103), (0o60666, 0x800), (0o20666, 0x101), (0o20666, 0x104), (0o20666, 0x501), (0o10666, 0x103),
            (0o100666, 0x103), (0o140666, 0x103), (0, 0x103), (0o20666, 0), (0o20666, 0x10_0003),
        ] as [(UInt64, UInt64)])
    func left(_ mode: UInt64, _ number: UInt64) throws {
        let wanted = try answer(.standard, "mknodat", [3, 4, mode, number], emulated: [])
        #expect(wanted != .notify)
        #expect(try answer(.standard, "mknodat", [3, 4, mode, number]) == wanted)
    }

    @Test("only what was named is handed over")
    func named() throws {
        #expect(try answer(.standard, "sysinfo", emulated: [.sysinfo]) == .notify)
        #expect(try answer(.standard, "sysinfo", emulated: [.mknod]) == .allow)
        #expect(try answer(.standard, "mknodat", [3, 4, 0o20666, 0x103], emulated: [.sysinfo]) != .notify)
        #expect(try answer(.standard, "read") == .allow)
    }
}
