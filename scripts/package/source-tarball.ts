import { run } from './run.ts'

/** `folder/name` as `target`, a .tar.gz whose bytes depend on names, modes and contents alone. */
export function sourceTarball(folder: string, name: string, target: string, epoch: string): void {
  const order = ['--sort=name', '--owner=0', '--group=0', '--numeric-owner', '--format=gnu', `--mtime=@${epoch}`]
  // Without its own name and time in gzip's head. Fast: the packages are packed by rpm anyway.
  run('tar', [...order, '--use-compress-program=gzip -n -4', '-cf', target, '-C', folder, name])
}
