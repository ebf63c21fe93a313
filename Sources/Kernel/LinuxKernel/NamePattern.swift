import Glibc

/// An extended regular expression, regex(7), compiled once.
public final class NamePattern {
    private var pattern = regex_t()

    /// - Throws: EINVAL, with what the C library says of the expression.
    public init(_ text: String) throws(KernelError) {
        let result = regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB)
        guard result == 0 else {
            var message = [CChar](repeating: 0, count: 256)
            let length = max(regerror(result, &pattern, &message, message.count), 1) - 1
            let bytes = message.prefix(min(length, message.count - 1)).map { UInt8(bitPattern: $0) }
            throw KernelError(call: "regcomp: \(String(decoding: bytes, as: UTF8.self))", on: text, errno: EINVAL)
        }
    }

    deinit { regfree(&pattern) }

    /// Whether some part of `name` is of this form.
    public func matches(_ name: String) -> Bool { regexec(&pattern, name, 0, nil, 0) == 0 }
}
