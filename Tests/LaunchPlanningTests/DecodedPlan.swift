import CLauncher

/// An encoded plan as the launcher's own decoder sees it.
struct DecodedPlan {
    let error: Int32
    let stepCount: UInt32
    let faultyStep: UInt32
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        var count: UInt32 = 0
        var faulty: UInt32 = 0
        error = bytes.withUnsafeBytes { bh_plan_check($0.baseAddress, $0.count, &count, &faulty) }
        stepCount = count
        faultyStep = faulty
        self.bytes = bytes
    }

    /// The operation of a step and its fields in words; nil beyond the last step.
    func step(_ index: UInt32) -> (operation: UInt32, fields: [String])? {
        var fields: [String] = []
        var operation: UInt32 = 0
        for number: UInt32 in 0..<16 {
            var field = bh_field()
            let found = bytes.withUnsafeBytes { bh_plan_field($0.baseAddress, $0.count, index, number, &field) }
            if found == 0 { break }
            operation = found
            // The field points into the buffer, so it is read while the buffer is held.
            fields.append(bytes.withUnsafeBytes { _ in Self.text(of: field) })
        }
        return operation == 0 ? nil : (operation, fields)
    }

    private static func text(of field: bh_field) -> String {
        let contents = Array(UnsafeBufferPointer(start: field.bytes, count: Int(field.length)))
        switch UInt8(bitPattern: field.kind) {
        case UInt8(ascii: "t"): return String(decoding: contents, as: UTF8.self)
        case UInt8(ascii: "b"): return "bytes \(contents)"
        case UInt8(ascii: "l"): return "\(list(contents, count: Int(field.number)))"
        case UInt8(ascii: "g"):
            return "\(stride(from: 0, to: contents.count, by: 4).map { number(contents, at: $0) })"
        default: return "\(field.number)"
        }
    }

    private static func number(_ bytes: [UInt8], at offset: Int) -> UInt32 {
        bytes[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func list(_ bytes: [UInt8], count: Int) -> [String] {
        var offset = 0
        var texts: [String] = []
        for _ in 0..<count {
            let length = Int(number(bytes, at: offset))
            texts.append(String(decoding: bytes[offset + 4..<offset + 4 + length], as: UTF8.self))
            offset += 4 + (length + 4) / 4 * 4
        }
        return texts
    }
}
