import tseslint from 'typescript-eslint'

/** Time, randomness, timers and the environment enter through base/ only, so that tests can drive them. */
const outsideWorld = [
  { object: 'Date', property: 'now', message: 'Take a Clock (src/base/clock.ts).' },
  { object: 'Math', property: 'random', message: 'Take a Random (src/base/backoff.ts).' },
  { object: 'AbortSignal', property: 'timeout', message: 'Use within() from src/base/deadline.ts.' },
  { object: 'AbortSignal', property: 'any', message: 'It leaks on long-lived parents: use src/base/deadline.ts.' },
  { object: 'process', property: 'env', message: 'Read settings in src/app/config.ts or src/bin.' },
  { object: 'process', property: 'exit', message: 'Only src/bin ends the process.' },
]

export default tseslint.config(
  { ignores: ['dist/', '.cache/', 'node_modules/', 'eslint.config.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  { languageOptions: { parserOptions: { projectService: true } } },
  {
    files: ['src/**/*.ts', 'test/**/*.ts', 'scripts/**/*.ts', '*.ts'],
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/require-await': 'off',
      'no-restricted-exports': ['error', { restrictDefaultExports: { direct: true } }],
      eqeqeq: 'error',
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/base/**', 'src/bin/**', 'src/app/config.ts'],
    rules: {
      'no-restricted-properties': ['error', ...outsideWorld],
      'no-restricted-globals': [
        'error',
        { name: 'setTimeout', message: 'Sleep on a Clock (src/base/clock.ts).' },
        { name: 'setInterval', message: 'Loop on a Clock (src/base/clock.ts).' },
      ],
    },
  },
  { files: ['**/vitest.config.ts'], rules: { 'no-restricted-exports': 'off' } },
)
