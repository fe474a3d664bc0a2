import { broadcastObject } from '../collectives/collectives'
import { State } from './state'

/** Plain values by name. */
export type Values = Record<string, unknown>

/** Plain values as attributes. */
export class ValuesState extends State {
  // Names of its own (#) take none from the values.
  readonly #names: readonly string[]
  #saved: Values

  constructor(values: Values) {
    super()
    this.#names = Object.keys(values)
    for (const name of this.#names)
      if (name in this) throw new Error(`got a value named ${name}, which is the state's own: choose another name`)
    Object.assign(this, values)
    this.#saved = cloned(values)
  }

  save(): void | Promise<void> {
    this.#saved = this.current()
  }

  restore(): void | Promise<void> {
    Object.assign(this, cloned(this.#saved))
  }

  sync(): void | Promise<void> {
    Object.assign(this, broadcastObject(this.current(), { name: 'elastic.values' }))
    this.#saved = this.current()
  }

  private current(): Values {
    return cloned(Object.fromEntries(this.#names.map((name) => [name, Reflect.get(this, name)])))
  }
}

/** A copy, so that what changes after a commit does not change the commit: a list that grows, for instance. */
function cloned(values: Values): Values {
  const copies = Object.entries(values).map(([name, value]) => {
    try {
      return [name, structuredClone(value)]
    } catch (error) {
      throw new Error(`${name} of the state cannot be copied (${(error as Error).message}), expected plain data`)
    }
  })
  return Object.fromEntries(copies)
}

/**
 * Plain values, which are its attributes: `const state = new ObjectState({ step: 0 })`, then `state.step++`. They are
 * anything that `structuredClone` copies.
 */
export const ObjectState = ValuesState as new <V extends object>(values: V) => ObjectState<V>
export type ObjectState<V extends object = object> = ValuesState & V
