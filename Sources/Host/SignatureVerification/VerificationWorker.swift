import Diagnostics
import LinuxKernel
import TrustFormat

/// The whole life of the verifier's process: load what it verifies with, confine itself, read one order from standard
/// input, answer on descriptor 3. It is given nothing else.
public enum VerificationWorker {
    private static let answerNumber: Int32 = 3

    /// The exit status: 0 when there is an answer, even if it is that nothing can be verified.
    public static func run() -> Int32 {
        let input = OwnedDescriptor(owning: 0)
        let output = OwnedDescriptor(owning: answerNumber)
        let report: VerificationReport
        do throws(Failure) {
            // Libraries look for files and random numbers when they begin.
            let openPGP = try OpenPGPVerifier()
            RSAVerifier.prepare()
            do throws(KernelError) { try OwnProcess.closeDescriptors(from: answerNumber + 1) } catch {
                throw error.failure("image.verifier-confinement", doing: "confine the verifier")
            }
            try VerifierConfinement.enter()
            report = try answer(try read(input), with: openPGP)
        } catch {
            report = .refusal(file: nil, cause: "it could not \(error.doing): \(error.cause ?? error.code.rawValue)")
        }
        do throws(KernelError) { try output.write(report.text) } catch { return 2 }
        return 0
    }

    private static func read(_ input: OwnedDescriptor) throws(Failure) -> [UInt8] {
        do throws(KernelError) { return try input.readAll(limit: TrustLimits.verifierOrderBytes) } catch {
            throw error.failure("image.verifier-order", doing: "read its order")
        }
    }

    private static func answer(
        _ content: [UInt8], with openPGP: borrowing OpenPGPVerifier
    ) throws(Failure) -> VerificationReport {
        switch try VerificationOrder(parsing: content) {
        case .rsa(let keys, let signatures): return RSAVerifier.report(keys: keys, signatures: signatures)
        case .openPGP(let keyFiles, let messages):
            return openPGP.report(keyFiles: keyFiles, messages: messages)
        }
    }
}
