import CommandOutput
import Diagnostics
import SeccompFormat

/// `--emulate mknod,sysinfo`.
enum EmulateFlag {
    /// In the order of the type, each once.
    static func parse(_ texts: [String]) throws(Failure) -> [EmulatedCall] {
        var calls: Set<EmulatedCall> = []
        for text in texts.flatMap({ $0.cut(at: ",", omittingEmptySubsequences: false).map(String.init) }) {
            guard let call = EmulatedCall(rawValue: text) else {
                let known = EmulatedCall.allCases.map(\.rawValue).joined(separator: ", ")
                throw .flag(
                    "emulate", text, cause: "it is no call that can be emulated", remedy: "give some of \(known)")
            }
            calls.insert(call)
        }
        return EmulatedCall.allCases.filter(calls.contains)
    }
}
