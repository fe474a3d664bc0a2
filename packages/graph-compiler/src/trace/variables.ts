import { engine, keep, type Tensor, type Variable } from '@tensorflow/tfjs-core'

/** All variables as they are when this is made, to see later which were made or assigned, and to put them back. */
export class Variables {
  private readonly before = new Map<Variable, Tensor>()

  constructor() {
    for (const variable of registered()) this.before.set(variable, share(variable))
  }

  /** The variables that are new or have another value than before. */
  changed(): Variable[] {
    return registered().filter((variable) => this.before.get(variable)?.dataId !== variable.dataId)
  }

  /** The name of the variable that had this data. */
  nameOf(dataId: object): string | undefined {
    for (const [variable, value] of this.before) if (value.dataId === dataId) return variable.name
    return undefined
  }

  /** Disposes of new variables, and gives the others their values back. */
  restore(): void {
    for (const variable of this.changed()) {
      const value = this.before.get(variable)
      if (value) variable.assign(value)
      else variable.dispose()
    }
    for (const value of this.before.values()) value.dispose()
  }
}

const registered = (): Variable[] => Object.values(engine().state.registeredVariables)

/** A tensor of the variable's data, wherever that is: as tf.clone, which would move it to the current backend. */
function share({ dataId, shape, dtype }: Variable): Tensor {
  const { backend } = engine().state.tensorInfo.get(dataId)!
  backend.incRef(dataId)
  return keep(engine().makeTensorFromTensorInfo({ dataId, shape, dtype }, backend))
}
