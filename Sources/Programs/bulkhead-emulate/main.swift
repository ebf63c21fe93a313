import Emulation
import LinuxKernel

OwnProcess.exit(Emulator.main(Array(CommandLine.arguments.dropFirst())))
