import LayerUnpacking
import LinuxKernel

OwnProcess.exit(UnpackWorker.run(Array(CommandLine.arguments.dropFirst())))
