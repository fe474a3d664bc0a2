export {
  type Attribute,
  type Attributes,
  type Graph,
  type Layout,
  type Node,
  type TensorType,
  typeOf,
  type Value,
} from './ir/graph'
