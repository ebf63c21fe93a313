public import Diagnostics

/// What cannot be verified in the process that asks: RSA and OpenPGP, whose libraries are large, and for OpenPGP parse
/// an old and wide format that strangers wrote.
public protocol SignatureChecking {
    /// An answer for each signature of the order, in its order.
    /// - Throws: `image.verifier-…` when nobody could say, `image.key-invalid` for keys that cannot be used.
    func check(_ order: VerificationOrder) throws(Failure) -> [VerificationAnswer]
}

/// A decision's questions to a checker, each asked once.
struct SignatureChecks {
    let checker: (any SignatureChecking)?
    private var known: [VerificationOrder: [VerificationAnswer]] = [:]

    init(_ checker: (any SignatureChecking)?) { self.checker = checker }

    mutating func answers(_ order: VerificationOrder) throws(Failure) -> [VerificationAnswer] {
        guard order.count > 0 else { return [] }
        if let answers = known[order] { return answers }
        guard let checker else {
            throw Failure(
                "image.verifier-missing", doing: "verify the image's signatures",
                cause: "RSA and OpenPGP signatures are verified by a program that nobody named here")
        }
        let answers = try checker.check(order)
        guard answers.count == order.count else {
            throw Failure(
                "image.verifier-broken", doing: "verify the image's signatures",
                cause: "there are \(answers.count) answers about \(order.count) signatures")
        }
        known[order] = answers
        return answers
    }
}
