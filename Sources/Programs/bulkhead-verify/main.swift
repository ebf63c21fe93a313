import LinuxKernel
import SignatureVerification

OwnProcess.exit(VerificationWorker.run())
